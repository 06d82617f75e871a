"""What is seen of a run: lines and a bar, pictures, TensorBoard events, a profile."""
