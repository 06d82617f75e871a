"""Activation layers: swish, gelu and mish, maxout, learned slopes, softmax at a temperature."""

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


SWISH = sized(((3, 8),), ((3, 8),))
BETA = 1.7


@family.whole("", "wrong backward", "vjp", SWISH, cause="static_ignored", argument="x")
def swish_gradient_with_beta_one(x):
    y = x * sigmoid(BETA * x)

    def pullback(dy):
        s = sigmoid(x)
        return dy * (s + x * s * (1 - s))

    return y, pullback


@family.whole("", "wrong backward", "vjp", SWISH, cause="term_missing", argument="x")
def swish_as_a_gate_held_fixed(x):
    gate = sigmoid(BETA * x)
    return x * gate, lambda dy: dy * gate


@family.whole("", "wrong backward", "vjp", SWISH, cause="scaled_by_constant", argument="x")
def swish_second_term_without_beta(x):
    s = sigmoid(BETA * x)
    y = x * s
    return y, lambda dy: dy * (s + y * (1 - s))


C, A = np.sqrt(2 / np.pi), 0.044715


def tanh_gelu(x):
    t = np.tanh(C * (x + A * x**3))
    return 0.5 * x * (1 + t), (x, t)


@family.wrong("", tanh_gelu, SWISH, style="cache", cause="scaled_by_constant", argument="x")
def cube_differentiated_without_its_three(dy, cache):
    x, t = cache
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * C * (1 + A * x**2))


@family.wrong("", tanh_gelu, SWISH, style="cache", cause="wrong_derivative", argument="x")
def tanh_slope_squared_outside(dy, cache):
    x, t = cache
    inner = C * (1 + 3 * A * x**2)
    return dy * (0.5 * (1 + t) + 0.5 * x * inner * (1 - t) ** 2)


@family.wrong("", tanh_gelu, SWISH, style="cache", cause="term_missing", argument="x")
def cubic_part_of_inner_polynomial_ignored(dy, cache):
    x, t = cache
    return dy * 0.5 * (1 + t + x * (1 - t**2) * C)


class Mish:
    def forward(self, x):
        self.x = x
        self.sp = np.log1p(np.exp(x))
        self.t = np.tanh(self.sp)
        return x * self.t


@family.whole("", "wrong backward", "layer", SWISH, cause="derivative_at_wrong_value", argument="x")
class SoftplusSlopeAtItsOwnOutput(Mish):
    def backward(self, dout):
        dsp = dout * self.x * (1 - self.t**2)
        return dout * self.t + dsp * sigmoid(self.sp)


@family.whole("", "wrong backward", "layer", SWISH, cause="derivative_missing", argument="x")
class SoftplusInsideMishForgotten(Mish):
    def backward(self, dout):
        return dout * (self.t + self.x * (1 - np.square(self.t)))


class Maxout:
    """The largest of three affine pieces."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        self.z = np.einsum("nd,dhk->nhk", x, self.W)
        return self.z.max(axis=2)


PIECES = sized(((7, 4), (4, 5, 3)), ((7, 4), (4, 5, 3)))
WG = {"W": "dW"}


@family.whole("", "wrong backward", "layer", PIECES, cause="wrong_winner", argument="x W", gradients=WG)
class PieceOfLargestMagnitudeWins(Maxout):
    def backward(self, dout):
        winner = np.eye(3)[np.abs(self.z).argmax(axis=2)]
        dz = dout[:, :, None] * winner
        self.dW = np.einsum("nd,nhk->dhk", self.x, dz)
        return np.einsum("nhk,dhk->nd", dz, self.W)


@family.whole("", "wrong backward", "layer", PIECES, cause="not_accumulated", argument="x", gradients=WG)
class EachPieceOverwritesTheInputGradient(Maxout):
    def backward(self, dout):
        self.dW, which = np.zeros_like(self.W), self.z.argmax(axis=2)
        for k in range(self.W.shape[2]):
            dz = dout * (which == k)
            self.dW[:, :, k] = self.x.T @ dz
            dx = dz @ self.W[:, :, k].T
        return dx  # pyright: ignore[reportPossiblyUnboundVariable]


class PReLU:
    """One learned slope a channel for negative entries."""

    def __init__(self, a):
        self.a = a

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.a[:, None] * x)


SLOPES = sized(((3, 4, 6), (4,)), ((3, 4, 6), (4,)))


@family.whole("", "wrong backward", "layer", SLOPES, cause="not_linear", argument="a", gradients={"a": "da"})
class NegativeGradientsTakenForNegativeInputs(PReLU):
    def backward(self, dout):
        self.da = np.sum(dout * self.x * (dout < 0), axis=(0, 2))
        return np.where(self.x > 0, dout, self.a[:, None] * dout)


@family.whole("", "wrong backward", "layer", SLOPES, cause="mask_missing", argument="a", gradients={"a": "da"})
class LearnedSlopeChargedForPositiveInputsToo(PReLU):
    def backward(self, dout):
        self.da = np.einsum("nct,nct->c", dout, self.x)
        return dout * np.where(self.x > 0, 1.0, self.a[:, None])


@family.whole("", "wrong backward", "layer", SLOPES, cause="wrong_reduction", argument="a", gradients={"a": "da"})
class OneSharedSlopeGradientForAllChannels(PReLU):
    def backward(self, dout):
        total = (dout * np.minimum(self.x, 0)).sum()
        self.da = np.full(self.a.shape, total)
        return dout * np.where(self.x > 0, 1.0, self.a[:, None])


@family.whole("", "wrong backward", "layer", SLOPES, cause="sign", argument="a", gradients={"a": "da"})
class SlopeGradientFromMagnitudes(PReLU):
    def backward(self, dout):
        self.da = (dout * np.maximum(-self.x, 0)).sum(axis=(0, 2))
        return dout * np.where(self.x > 0, 1.0, self.a[:, None])


def steep(size, seed):
    return (np.concatenate([normal(seed, (5, 4))[0], np.array([[760.0, -3.0, 2.0, -745.0]])]),)


@family.whole("", "wrong backward", "vjp", steep, cause="not_finite", argument="x")
def logistic_slope_from_a_plain_exponential(x):
    y = 0.5 * (1 + np.tanh(0.5 * x))

    def pullback(dy):
        e = np.exp(x)
        return dy * e / (1 + e) ** 2

    return y, pullback


class SoftmaxT:
    """Softmax over the last axis at a temperature."""

    temperature = 2.5

    def forward(self, z):
        e = np.exp((z - z.max(axis=-1, keepdims=True)) / self.temperature)
        self.p = e / e.sum(axis=-1, keepdims=True)
        return self.p


LOGITS = sized(((4, 6),), ((4, 6),))


@family.whole("", "wrong backward", "layer", LOGITS, cause="statistics_as_constants", argument="z", family="softmax")
class NormalizerHeldFixed(SoftmaxT):
    def backward(self, dout):
        return dout * self.p / self.temperature


@family.whole("", "wrong backward", "layer", LOGITS, cause="scaled_by_constant", argument="z", family="softmax")
class TemperatureMultipliedInBackward(SoftmaxT):
    def backward(self, dout):
        dz = self.p * dout
        dz -= self.p * dz.sum(axis=-1, keepdims=True)
        return dz * self.temperature


@family.whole("", "wrong backward", "layer", LOGITS, cause="wrong_axis", argument="z", family="softmax")
class InnerProductDownTheBatch(SoftmaxT):
    def backward(self, dout):
        inner = np.sum(self.p * dout, axis=0)
        return self.p * (dout - inner) / self.temperature
