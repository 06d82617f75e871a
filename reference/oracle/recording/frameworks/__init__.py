"""Forwards in PyTorch and JAX as NumPy forwards: each operation of the framework is one NumPy call or a few."""
