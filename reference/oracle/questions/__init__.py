"""What is asked of it, one question a file: purity, linearity, kinks, the forward, the gradient, the check itself."""
