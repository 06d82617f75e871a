"""Mistakes written to find what the diagnosis cannot name yet; each true name was decided before the first run."""
