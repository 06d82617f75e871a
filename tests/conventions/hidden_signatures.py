"""Decorators without functools.wraps hide what a function takes; a misspelled backward, an optional cotangent."""

import numpy as np

# pyright: reportAttributeAccessIssue=false


def traced(function):
    """Counts the calls, and shows nothing of the function's own signature."""

    def wrap(*args, **kwargs):
        wrap.calls += 1
        return function(*args, **kwargs)

    wrap.calls = 0
    return wrap


@traced
def arctan(x, prime=False):
    if prime:
        # wrong arctan x [power power_missing wrong_derivative]: return 1 / (1 + x)
        return 1 / (1 + x**2)
    return np.arctan(x)


class Dense:
    """Both methods are decorated; names of several words."""

    @traced
    def __init__(self, num_inputs, num_outputs):
        self.weight_matrix = np.random.randn(num_inputs, num_outputs)

    @traced
    def forward(self, input_batch):
        self.input_batch = input_batch
        return input_batch @ self.weight_matrix

    @traced
    def backword(self, d_out=1):
        self.d_weight_matrix = self.input_batch.T @ d_out
        # wrong Dense input_batch [scaled_by_constant]: return 5 * d_out @ self.weight_matrix.T
        return d_out @ self.weight_matrix.T
