"""What can be asked of a run, how it is read, and what of it is legal."""
