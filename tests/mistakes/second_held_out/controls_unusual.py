"""correct code that takes another road than most (close to catalogue 19 to 113)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("controls")

matrix = sized(((4, 5),), ((64, 40),))


@family.whole(19, "control", "vjp", sized(((2, 3, 4),), ((8, 12, 10),)), family="dense")
def flatten(x):
    """Its output is a view of its input, and its gradient a view of the cotangent."""
    return x.reshape(len(x), -1), lambda g: (g.reshape(x.shape),)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@family.control(32, softmax, matrix, family="softmax", op="softmax", names=("x",))
def softmax_by_whole_jacobians(dout, x):
    p = softmax(x)
    jacobians = p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :]
    return np.einsum("nij,ni->nj", jacobians, dout)


def shifted_log_sum(x):
    m = x.max(axis=1)
    return m + np.log(np.exp(x - m[:, None]).sum(axis=1)), (x, m)


@family.control(37, shifted_log_sum, matrix, family="softmax", style="rule")
def nothing_flows_through_the_shift(saved, g):
    x, m = saved
    e = np.exp(x - m[:, None])
    return g[:, None] * e / e.sum(axis=1, keepdims=True)


def maps_and_kernel(size, seed):
    return normal(seed, (3, 7), (3,)) if size == "small" else normal(seed, (16, 90), (9,))


@family.control(
    58, lambda x, k: np.array([np.correlate(row, k, "valid") for row in x]), maps_and_kernel, family="convolution"
)
def row_gradients_by_true_convolution(g, x, k):
    dx = np.array([np.convolve(up, k, "full") for up in g])
    dk = sum(np.correlate(row, up, "valid") for row, up in zip(x, g, strict=True))
    return dx, dk


def strided_average(x):
    return np.stack([x[:, i : i + 3].mean(axis=1) for i in range(0, x.shape[1] - 2, 2)], axis=1)


@family.control(61, strided_average, sized(((3, 8),), ((16, 60),)), family="pooling")
def last_column_out_of_every_window(g, x):
    """Where the windows do not divide the length, the rest rightly has a gradient of zero."""
    dx = np.zeros_like(x)
    for k in range(3):
        dx[:, k : k + 2 * g.shape[1] - 1 : 2] += g / 3
    return dx


@family.whole(
    14, "control", "layer", sized(((4, 5), (5, 3)), ((32, 40), (40, 20))), family="dense", gradients={"W": "dW"}
)
class DenseWithABufferOfItsOwn:
    def __init__(self, W):
        self.W, self.dW = W, np.empty_like(W)

    def forward(self, x):
        self.x = x
        return x.dot(self.W)

    def backward(self, dout):
        dW = np.zeros_like(self.W)
        for example, up in zip(self.x, dout, strict=True):
            dW += np.outer(example, up)
        self.dW = dW
        return np.dot(self.W, dout.T).T


def units_and_scale(size, seed):
    shape = (5, 6) if size == "small" else (64, 50)
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), (rng.random(shape) > 0.4) / 0.6


@family.control(
    97, lambda x, scaled_mask: x * scaled_mask, units_and_scale, family="dropout_embedding", constants=("scaled_mask",)
)
def mask_that_holds_the_scale_already(dout, x, scaled_mask):
    return dout * scaled_mask, None


def table_and_words(size, seed):
    rows, dim, words = (6, 3, 9) if size == "small" else (80, 16, 64)
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, dim)), rng.integers(rows, size=words)


@family.control(100, lambda table, words: table[words], table_and_words, family="dropout_embedding")
def rows_summed_by_one_hot_words(g, table, words):
    return (words == np.arange(len(table))[:, None]).astype(float) @ g, None


def running(size, seed):
    x, gamma, beta, mean = normal(
        seed, *(((7, 4), (4,), (4,), (4,)) if size == "small" else ((64, 30),) + ((30,),) * 3)
    )
    return x, gamma, beta, mean, np.exp(mean[::-1])


def evaluation_norm(x, gamma, beta, mean, variance):
    return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta


@family.control(85, evaluation_norm, running, family="normalization", constants=("mean", "variance"))
def evaluation_norm_is_affine(dout, x, gamma, beta, mean, variance):
    r = 1 / np.sqrt(variance + 1e-5)
    return dout * gamma * r, np.sum(dout * (x - mean) * r, axis=0), dout.sum(axis=0), None, None


def steps(size, seed):
    n, d, h = (3, 2, 4) if size == "small" else (16, 12, 20)
    return normal(seed, (n, d + h), (n, h), (d + h, 4 * h))


def lstm_step(z, c, W):
    a = z @ W
    f, i, o, g = (np.tanh(part / 2) / 2 + 0.5 for part in np.split(a, 4, axis=1))
    g = np.tanh(np.split(a, 4, axis=1)[3])
    c_next = f * c + i * g
    return (o * np.tanh(c_next), c_next), (z, c, W, f, i, o, g, c_next)


@family.control(107, lstm_step, steps, family="recurrent_attention", style="rule", names=("z", "c", "W"))
def lstm_step_with_sigmoid_by_tanh(saved, cotangent):
    z, c, W, f, i, o, g, c_next = saved
    dh, dc = cotangent
    t = np.tanh(c_next)
    dc = dc + dh * o * (1 - t) * (1 + t)
    da = np.hstack([dc * c * f * (1 - f), dc * g * i * (1 - i), dh * t * o * (1 - o), dc * i * (1 - g) * (1 + g)])
    return da @ W.T, dc * f, z.T @ da


@family.whole(113, "control", "vjp", lambda size, seed: table_and_words(size, seed)[::-1], family="recurrent_attention")
def both_uses_of_a_tied_table(words, E):
    h = E[words]

    def pullback(g):
        dE = g.T @ h
        np.add.at(dE, words, g @ E)
        return None, dE

    return h @ E.T, pullback


def hinge(scores, y):
    rows = np.arange(len(y))
    return np.maximum(0, scores - scores[rows, y][:, None] + 1), (scores, y, rows)


@family.control(
    115,
    hinge,
    lambda size, seed: (table_and_words(size, seed)[0], np.arange(6 if size == "small" else 80) % 3),
    family="regularisation",
    style="cache",
    names=("scores", "y"),
)
def right_class_against_itself(dout, cache):
    """The right class has a margin with itself, which is always 1: its two contributions cancel."""
    scores, y, rows = cache
    active = dout * (scores - scores[rows, y][:, None] + 1 > 0)
    dscores = active.copy()
    dscores[rows, y] -= active.sum(axis=1)
    return dscores, None


def single(size, seed):
    return tuple(
        a.astype(np.float32) for a in normal(seed, *(((4, 5), (5, 3)) if size == "small" else ((32, 40), (40, 20))))
    )


@family.control(109, lambda x, W: np.tanh(x @ W), single, family="dense", precision="float32")
def single_precision_throughout(dout, x, W):
    da = dout * (1 - np.tanh(x @ W) ** 2)
    return da @ W.T, x.T @ da
