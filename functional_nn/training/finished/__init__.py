"""What a finished run is for: to predict with, and to export."""
