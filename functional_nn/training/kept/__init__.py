"""What stays on the disk: the run's folder, its checkpoints, its weights."""
