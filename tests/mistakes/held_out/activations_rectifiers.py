"""Rectifiers and their masks and slopes (catalogue 47 to 51)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial

import numpy as np

from ..case import Family, sized
from .activations_sigmoids_and_tanh import TwoLayerNet, of_two_layers

family = Family("activations")

batch = sized(((5, 7),), ((48, 40),))
images = sized(((2, 3, 5, 4),), ((4, 8, 12, 10),))
hidden = partial(family.whole, **of_two_layers)
relu = partial(family.wrong, op="relu", argument="x")


def rectify(x):
    return np.maximum(x, 0)


@relu(47, rectify, images, cause=("not_linear", "mask_wrong"))
def negative_gradients_zeroed(dout, x):
    dx = np.array(dout, copy=True)
    dx[dout <= 0] = 0
    return dx


@family.whole(
    47, "wrong backward", "torch", batch, op="relu", names=("x",), cause=("not_linear", "mask_wrong"), argument="x"
)
def relu_clamping_its_gradient():
    import torch

    class MyReLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.clamp(min=0)

    return MyReLU


@hidden(47, cause="mask_wrong")
class ReluNetMaskedByDelta(TwoLayerNet):
    squash = staticmethod(rectify)

    def gradient(self, x, t):
        d2 = (self.predict(x) - t) / len(x)
        d1 = d2 @ self.params["W2"].T
        d1[d1 < 0] = 0
        return {"W1": x.T @ d1, "b1": d1.sum(0), "W2": self.a1.T @ d2, "b2": d2.sum(0)}


everything_passes = ("mask_missing", "mask_wrong", "identity", "derivative_missing")


@relu(48, lambda x: (rectify(x), rectify(x)), images, style="rule", names=("x",), cause=everything_passes)
def mask_of_nonnegative_outputs(out, g):
    return g * (out >= 0)


@family.whole(48, "wrong backward", "layer", batch, op="relu", cause=everything_passes, argument="z")
class ReluKeepingItsActivation:
    def forward(self, z):
        self.a = z * (z > 0)
        return self.a

    def backward(self, da):
        dz = da.copy()
        dz[self.a < 0] = 0
        return dz


@hidden(48, cause=("derivative_missing", "mask_wrong", "mask_missing"))
class ReluNetWithMaskOfTheActivation(TwoLayerNet):
    squash = staticmethod(rectify)

    def slope(self):
        return np.where(self.a1 >= 0, 1.0, 0.0)


def leaky(x, negative_slope=0.2):
    return np.where(x > 0, x, negative_slope * x)


sloped = partial(
    family.wrong, forward=leaky, names=("x",), op="leaky_relu", statics={"negative_slope": 0.2}, argument="x"
)


@sloped(
    49,
    inputs=images,
    cause=("static_ignored", "wrong_derivative", "partly_scaled", "local_factor", "entries_not_written"),
)
def leaky_forward_plain_backward(dout, x):
    return dout * (x > 0)


@family.whole(
    49,
    "wrong backward",
    "layer",
    batch,
    op="leaky_relu",
    statics={"negative_slope": 0.2},
    cause=("static_ignored", "partly_scaled", "local_factor"),
    argument="x",
)
class LeakyRelu:
    def __init__(self):
        self.alpha = 0.2

    def forward(self, x):
        self.x = x
        return np.maximum(x, self.alpha * x)

    def backward(self, dout, alpha=0.01):
        slope = np.ones_like(self.x)
        slope[self.x < 0] = alpha
        return dout * slope


def elu(x, alpha=1.6):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@family.wrong(
    49,
    elu,
    batch,
    names=("x",),
    op="elu",
    statics={"alpha": 1.6},
    cause=("static_ignored", "partly_scaled", "local_factor"),
    argument="x",
)
def elu_slope_without_alpha(grad, x):
    return grad * np.where(x > 0, 1.0, np.exp(np.minimum(x, 0)))


negative = ("mask_wrong", "partly_scaled", "local_factor", "identity", "derivative_missing")


@family.wrong(
    50,
    lambda x: (leaky(x, -0.3), leaky(x, -0.3)),
    batch,
    style="cache",
    names=("x",),
    op="leaky_relu",
    statics={"negative_slope": -0.3},
    cause=negative,
    argument="x",
)
def sign_of_the_result_with_a_negative_slope(dout, out):
    return np.where(out > 0, dout, -0.3 * dout)


@family.whole(
    50,
    "wrong backward",
    "torch",
    images,
    op="leaky_relu",
    statics={"negative_slope": -0.5},
    names=("x",),
    cause=negative,
    argument="x",
)
def in_place_leaky_relu():
    import torch

    class LeakyReLUInPlace(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.slope = -0.5
            result = torch.where(x >= 0, x, ctx.slope * x)
            ctx.save_for_backward(result)
            return result

        @staticmethod
        def backward(ctx, grad_output):
            (result,) = ctx.saved_tensors
            grad_input = grad_output.clone()
            grad_input[result < 0] *= ctx.slope
            return grad_input

    return LeakyReLUInPlace


@family.whole(51, "impure", "layer", images, op="relu", cause="cotangent_changed")
class ReluOfTheBook:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


@family.impure(
    51, leaky, batch, names=("x",), op="leaky_relu", statics={"negative_slope": 0.2}, cause="cotangent_changed"
)
def negative_side_scaled_in_place(d_out, x):
    d_out[x < 0] *= 0.2
    return d_out * 1.0


@family.impure(
    51,
    lambda x, w: x + rectify(x @ w),
    sized(((5, 4), (4, 4)), ((40, 32), (32, 32))),
    names=("x", "w"),
    cause="cotangent_changed",
)
def residual_branch_zeroes_the_skip(dy, x, w):
    dz = dy
    dz[x @ w <= 0] = 0
    return dy + dz @ w.T, x.T @ dz
