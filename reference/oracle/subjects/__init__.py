"""Whose code is judged: every way of writing backpropagation as one shape, and how it is called without harm."""
