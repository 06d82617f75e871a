"""A NumPy forward as a graph: the very steps it takes, recorded while it runs on arrays that remember."""
