"""Abstract bases, bases whose __call__ remembers the input, and parameters that the first forward makes."""

from abc import ABC, abstractmethod

import numpy as np

# pyright: reportIncompatibleMethodOverride=false


class Layer:
    """Abstract by convention: whoever derives from it fills both in."""

    def forward(self, x):
        raise NotImplementedError

    def backward(self, dout):
        raise NotImplementedError


class Activation(ABC):
    """Abstract by abc."""

    @abstractmethod
    def forward(self, x):
        """The value."""

    @abstractmethod
    def backward(self, dout):
        """The gradient."""


class Operation:
    """forward and backward remember what they are given, and call _output and _input_grad of the derived class."""

    def forward(self, input_):
        self.input_ = input_
        self.output = self._output()
        return self.output

    def backward(self, output_grad):
        self.input_grad = self._input_grad(output_grad)
        return self.input_grad

    def _output(self):
        raise NotImplementedError()

    def _input_grad(self, output_grad):
        raise NotImplementedError()


class Module:
    """__call__ keeps the inputs, for the backward of whatever derives from it."""

    def __call__(self, *inputs):
        self.inputs = inputs
        self.output = self.forward(*inputs)
        return self.output

    def forward(self, *inputs):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError


class Multiply(Module):
    """Only __call__ sets self.inputs: forward alone does not."""

    def forward(self, x, y):
        return x * y

    def backward(self, grad):
        x, y = self.inputs
        # wrong Multiply x [wrong_operand unexplained wrong_derivative]: return grad * x, grad * x
        return grad * y, grad * x


class Exp(Module):
    """self.output is the base's, too."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, grad):
        # wrong Exp x [derivative_missing]: return grad
        return grad * self.output


class Square(Operation):
    """An operation in two private methods."""

    def _output(self):
        return self.input_**2

    def _input_grad(self, output_grad):
        # wrong Square input_ [scaled_by_constant]: return output_grad * self.input_
        return output_grad * 2 * self.input_


class Softplus(Activation):
    """Derived from the abstract base."""

    def forward(self, x):
        self.x = x
        return np.log1p(np.exp(x))

    def backward(self, dout):
        # wrong Softplus x [sign]: return -dout / (1 + np.exp(-self.x))
        return dout / (1 + np.exp(-self.x))


class LazyDense(Layer):
    """The first forward makes the parameters, of the width that it sees."""

    def __init__(self, neurons):
        self.neurons = neurons
        self.first = True

    def forward(self, x):
        if self.first:
            self.weights = np.random.randn(x.shape[1], self.neurons)
            self.bias = np.random.randn(1, self.neurons)
            self.first = False
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, dout):
        self.weights_grad = self.x.T @ dout
        # wrong LazyDense bias [scaled_by_count]: self.bias_grad = dout.mean(axis=0, keepdims=True)
        self.bias_grad = dout.sum(axis=0, keepdims=True)
        return dout @ self.weights.T


class BuiltDense(Layer):
    """build(input_shape) makes the parameters."""

    def __init__(self, units):
        self.units = units
        self.built = False

    def build(self, input_shape):
        self.kernel = np.random.normal(size=(input_shape[-1], self.units))
        self.bias = np.zeros(self.units)
        self.built = True

    def forward(self, x):
        self.x = x
        return np.dot(x, self.kernel) + self.bias

    def backward(self, dout):
        # wrong BuiltDense kernel [scaled_by_count]: self.d_kernel = np.dot(self.x.T, dout) / len(dout)
        self.d_kernel = np.dot(self.x.T, dout)
        self.d_bias = np.sum(dout, axis=0)
        return np.dot(dout, self.kernel.T)


class ShapedDense(Layer):
    """set_input_shape(shape), then initialize(); gradients lie in attributes of the same names with a d."""

    def __init__(self, n_units):
        self.n_units = n_units

    def set_input_shape(self, shape):
        self.input_shape = shape

    def initialize(self):
        self.W = np.random.normal(size=(self.input_shape[0], self.n_units))
        self.b = np.zeros((1, self.n_units))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        # wrong ShapedDense b [scaled_by_count]: self.db = dout.mean(axis=0, keepdims=True)
        self.db = dout.sum(axis=0, keepdims=True)
        return dout @ self.W.T
