"""The images: where they are found, how they are read, in which order they come."""
