"""Functions of a small framework: __call__ takes and gives Variables, and backward is handed the outputs' gradients."""

import weakref

import numpy as np


class Variable:
    """An array, its gradient, and the function that it came from."""

    def __init__(self, data):
        self.data = data
        self.grad = None
        self.creator = None


class Function:
    """What every function below derives from; it knows its outputs by weak references."""

    def __call__(self, *inputs):
        inputs = [x if isinstance(x, Variable) else Variable(x) for x in inputs]
        outputs = [Variable(y) for y in self._values(*[x.data for x in inputs])]
        for output in outputs:
            output.creator = self
        self.inputs, self.outputs = inputs, [weakref.ref(output) for output in outputs]
        return outputs if len(outputs) > 1 else outputs[0]

    def _values(self, *xs):
        ys = self.forward(*xs)
        return ys if isinstance(ys, tuple) else (ys,)

    def forward(self, *xs):
        raise NotImplementedError()

    def backward(self, *gys):
        raise NotImplementedError()


class Tanh(Function):
    """The output is remembered by the base class."""

    def forward(self, x):
        return np.tanh(x)

    def backward(self, gy):
        y = self.outputs[0]().data
        # wrong Tanh x [wrong_derivative]: return gy * (1 - y)
        return gy * (1 - y**2)


class Mul(Function):
    """Two inputs, two gradients."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs[0].data, self.inputs[1].data
        # wrong Mul x0 [arguments_swapped]: return gy * x0, gy * x1
        return gy * x1, gy * x0


class BroadcastTo(Function):
    """A constructor that takes a shape."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        self.x_shape = x.shape
        return np.broadcast_to(x, self.shape)

    def backward(self, gy):
        lead = tuple(range(gy.ndim - len(self.x_shape)))
        axes = tuple(i + len(lead) for i, size in enumerate(self.x_shape) if size == 1)
        # wrong BroadcastTo x [scaled_by_constant]: return 1.7 * gy.sum(lead + axes, keepdims=1).reshape(self.x_shape)
        return gy.sum(lead + axes, keepdims=True).reshape(self.x_shape)
