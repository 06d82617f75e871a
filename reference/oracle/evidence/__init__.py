"""What is known of a wrong gradient, and what may be asked of the code that it came from."""
