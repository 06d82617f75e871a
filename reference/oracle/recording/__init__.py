"""Programs as steps that can be run again: recorded while they run, forwards with their adjoints."""
