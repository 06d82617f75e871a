"""A second set of held-out cases, written from the catalogue alone and never used to change the oracle."""
