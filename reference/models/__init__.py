"""The same models: forward, and the whole backward pass by hand."""
