"""What runs in the submission's process: it holds no seed, no reference and no comparison, only arrays."""
