"""The rules by which kernels are accepted, over right and wrong backwards in low precision."""
