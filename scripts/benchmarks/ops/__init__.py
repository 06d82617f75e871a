"""Every op of the public contract beside what users of Flax, Equinox and PyTorch write for it."""
