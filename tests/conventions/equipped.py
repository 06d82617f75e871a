"""Layers that want an optimizer, keep an input beside its gradient, choose by a text, or take dicts of parameters."""

import numpy as np


class Updated:
    """build(shape) first; the backward hands a dict of gradients to the optimizer that an attribute waits for."""

    def __init__(self):
        self.optimizer = None
        self.params = {"gamma": None}

    def build(self, input_shape):
        self.input_shape = input_shape
        self.params["gamma"] = np.linspace(0.5, 1.5, input_shape[-1])

    def forward(self, inputs):
        if inputs.shape != self.input_shape:
            raise ValueError("Dimensions mismatch.")
        self.inputs = inputs
        return inputs * self.params["gamma"]

    def backward(self, grads, learning_rate):
        dparams = {"dgamma": np.sum(grads * self.inputs, axis=tuple(range(grads.ndim - 1)))}
        # wrong Updated inputs [wrong_factor]: dA = grads
        dA = grads * self.params["gamma"]
        self.optimizer.update(self, dparams, learning_rate)
        return dA


class Kept:
    """x stands beside grad_x, and is no parameter for that; the sizes are called shapes."""

    def __init__(self, shape_in, shape_out):
        self.w = np.random.randn(np.prod(shape_out), np.prod(shape_in))
        self.x = np.zeros(shape_in)

    def forward(self, x):
        self.x = x.ravel()
        return self.w @ self.x

    def backward(self, grad_y):
        # wrong Kept w [scaled_by_constant]: self.grad_w = 0.3 * np.outer(grad_y, self.x)
        self.grad_w = np.outer(grad_y, self.x)
        self.grad_x = self.w.T @ grad_y
        return self.grad_x


class Adam:
    """Its steps are no gradients."""

    def update(self, parameters, gradients):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= 1e-3 * gradient / (np.abs(gradient) + 1e-8)


class Centred:
    """The backward lets an Adam of its own step over a list, and is that of the mode for training."""

    def __init__(self, features):
        self._optimizer_instance = Adam()
        self._is_training = False
        self.shift = np.random.randn(features)

    def forward(self, x):
        return x - (x.mean(0) if self._is_training else 0.0) + self.shift

    def backward(self, dout):
        # wrong Centred shift [scaled_by_constant]: self._optimizer_instance.update([self.shift], [2.5 * dout.sum(0)])
        self._optimizer_instance.update([self.shift], [dout.sum(0)])
        return dout - dout.mean(0)


class Choosing:
    """Several functions in one class: right by default, and wrong in another case."""

    def __init__(self, kind="tanh"):
        self.kind = kind

    def forward(self, x):
        self.x = x
        return np.tanh(x) if self.kind == "tanh" else x**3

    def backward(self, dout):
        if self.kind == "tanh":
            return dout * (1 - np.tanh(self.x) ** 2)
        if self.kind == "cube":
            # wrong Choosing x [scaled_by_constant]: return dout * 1.9 * self.x**2
            return dout * 3 * self.x**2
        return dout


def cell_forward(xt, a_prev, parameters):
    """A step in columns with a dict of parameters; the cache holds them."""
    a_next = np.tanh(parameters["Waa"] @ a_prev + parameters["Wax"] @ xt + parameters["ba"])
    return a_next, (a_next, a_prev, xt, parameters)


def cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dz = (1 - a_next**2) * da_next
    gradients = {"dxt": parameters["Wax"].T @ dz, "da_prev": parameters["Waa"].T @ dz, "dWax": dz @ xt.T}
    # wrong cell ba [scaled_by_count]: dba = dz.mean(1, keepdims=True)
    dba = dz.sum(1, keepdims=True)
    return {**gradients, "dWaa": dz @ a_prev.T, "dba": dba}


def stepped_forward(x, conv_param):
    """The settings have another name than usual."""
    return x * conv_param["padding"], (x, conv_param)


def stepped_backward(dout, cache):
    _, conv_param = cache
    # wrong stepped x [scaled_by_constant]: return 1.7 * dout * conv_param["padding"]
    return dout * conv_param["padding"]
