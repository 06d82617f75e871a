"""What a run is on: its processes, its devices, its memory."""
