"""The two directions by other names, and derivatives that are methods, attributes and arguments."""

import numpy as np


class ReluLayer:
    """fprop and bprop."""

    def fprop(self, inputs):
        return inputs * (inputs > 0.0)

    def bprop(self, inputs, outputs, grads_wrt_outputs):
        # wrong ReluLayer inputs [not_linear]: return (grads_wrt_outputs > 0) * grads_wrt_outputs
        return (outputs > 0) * grads_wrt_outputs


class SigmoidLayer:
    """feedforward and backprop."""

    def feedforward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backprop(self, delta):
        # wrong SigmoidLayer x [wrong_derivative derivative_missing]: return delta * self.out
        return delta * self.out * (1 - self.out)


class TanhLayer:
    """forward_propagate and back_propagate."""

    def forward_propagate(self, z):
        self.a = np.tanh(z)
        return self.a

    def back_propagate(self, da):
        # wrong TanhLayer z [wrong_derivative sign]: return da * (1 + self.a**2)
        return da * (1 - self.a**2)


class LeakyReLULayer:
    """forward_pass and backward_pass."""

    def __init__(self, alpha=0.2):
        self.alpha = alpha

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return np.where(X >= 0, X, self.alpha * X)

    def backward_pass(self, accum_grad):
        # wrong LeakyReLULayer X [scaled_by_constant]: return accum_grad * (self.layer_input > 0)
        return accum_grad * np.where(self.layer_input >= 0, 1, self.alpha)


class Softsign:
    """function and gradient: the second is the slope alone."""

    def function(self, x):
        return x / (1 + np.abs(x))

    def gradient(self, x):
        # wrong Softsign x [term_missing]: return 1 / (1 + np.abs(x))
        return 1 / (1 + np.abs(x)) ** 2


class ELU:
    """__call__ and gradient."""

    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def __call__(self, x):
        return np.where(x >= 0.0, x, self.alpha * (np.exp(x) - 1))

    def gradient(self, x):
        # wrong ELU x [scaled_by_constant]: return np.where(x >= 0.0, 1, np.exp(x))
        return np.where(x >= 0.0, 1, self.alpha * np.exp(x))


class Sigmoid:
    """Static f and df."""

    @staticmethod
    def f(z):
        return 1.0 / (1.0 + np.exp(-z))

    @staticmethod
    def df(z):
        s = Sigmoid.f(z)
        # wrong Sigmoid z [derivative_at_wrong_value derivative_twice]: s = Sigmoid.f(s)
        s = s + 0.0
        return s * (1 - s)


class SoftPlus:
    """activation and derivative, class methods."""

    @classmethod
    def activation(cls, x):
        return np.log(1 + np.exp(x))

    @classmethod
    def derivative(cls, x):
        # wrong SoftPlus x [sign derivative_missing]: return 1 / (1 + np.exp(x))
        return 1 / (1 + np.exp(-x))


class Arctan:
    """function and derivative as attributes of the class."""

    function = staticmethod(lambda x: np.arctan(x))
    # wrong Arctan x [sign wrong_derivative]: derivative = staticmethod(lambda x: 1 / (1 - x**2))
    derivative = staticmethod(lambda x: 1 / (1 + x**2))


class Switched:
    """forward(x, derivative=False)."""

    def forward(self, x, derivative=False):
        if derivative:
            # wrong Switched.forward x [scaled_by_constant wrong_derivative]: return -4 * x * np.exp(-(x**2))
            return -2 * x * np.exp(-(x**2))
        return np.exp(-(x**2))


class Gaussian:
    """forward and grad, of what was saved."""

    def forward(self, x):
        self.x = x
        return np.exp(-(x**2))

    def grad(self, upstream):
        # wrong Gaussian x [scaled_by_constant]: return -self.x * np.exp(-(self.x**2)) * upstream
        return -2 * self.x * np.exp(-(self.x**2)) * upstream
