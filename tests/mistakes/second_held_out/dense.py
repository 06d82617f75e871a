"""mistakes in fully connected layers (catalogue 1 to 14)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")

# Columns are examples: A (in, m), W (out, in), b (out, 1).
columns = sized(((5, 3), (7, 5), (7, 1)), ((96, 32), (64, 96), (64, 1)))


def linear_forward(A_prev, W, b):
    return W @ A_prev + b, (A_prev, W)


@family.wrong(1, linear_forward, columns, style="cache", argument="b", cause=("mean_instead_of_sum", "scaled_by_batch"))
def bias_of_columns_averaged(dZ, linear_cache):
    A_prev, W = linear_cache
    return W.T @ dZ, dZ @ A_prev.T, np.mean(dZ, axis=1, keepdims=True)


@family.wrong(4, linear_forward, columns, style="cache", argument="W", cause="scaled_by_batch")
def weight_of_columns_over_m(dZ, linear_cache):
    A_prev, W = linear_cache
    m = A_prev.shape[1]
    dW = (1 / m) * np.dot(dZ, A_prev.T)
    db = np.sum(dZ, axis=1, keepdims=True)
    return np.dot(W.T, dZ), dW, db


# Weights as PyTorch lays them out: (out, in).
torch_like = sized(((4, 6), (3, 6), (3,)), ((32, 80), (48, 80), (48,)))


def linear(input, weight, bias):
    return input @ weight.T + bias, (input, weight)


@family.wrong(
    5, linear, torch_like, style="rule", argument="weight", cause=("transposed", "wrong_shape", "axes_permuted")
)
def weight_gradient_laid_out_in_out(saved, grad_output):
    input, weight = saved
    return grad_output @ weight, input.T @ grad_output, grad_output.sum(axis=0)


@family.wrong(2, linear, torch_like, style="rule", argument="bias", cause=("not_reduced", "wrong_shape"))
def bias_gradient_is_grad_output(saved, grad_output):
    input, weight = saved
    return grad_output @ weight, grad_output.T @ input, grad_output


def same_width(size, seed):
    n, d = (4, 6) if size == "small" else (48, 64)
    return normal(seed, (n, d), (d, d), (d,))


@family.whole(5, "wrong backward", "vjp", same_width, argument="weight", cause=("transposed", "axes_permuted"))
def square_weight_transposed(x, weight, bias):
    y = np.einsum("ni,oi->no", x, weight) + bias

    def pullback(g):
        return np.einsum("no,oi->ni", g, weight), np.einsum("ni,no->io", x, g), np.einsum("no->o", g)

    return y, pullback


@family.whole(
    6, "wrong backward", "torch", same_width, names=("x", "weight", "bias"), argument="x", cause="not_transposed"
)
def linear_function_of_square_weights():
    import torch

    class LinearFunction(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight, bias):
            ctx.save_for_backward(x, weight)
            return x.mm(weight.t()) + bias.unsqueeze(0)

        @staticmethod
        def backward(ctx, *grad_outputs):
            (grad_output,) = grad_outputs
            x, weight = ctx.saved_tensors
            return grad_output.mm(weight.t()), grad_output.t().mm(x), grad_output.sum(0)

    return LinearFunction


cubes = sized(((5, 5), (5, 5)), ((40, 40), (40, 40)))


@family.wrong(7, lambda x, W: x.dot(W), cubes, argument="W", cause="elementwise_product")
def weight_delta_by_star(delta, x, W):
    return delta.dot(W.T), x.T * delta


@family.wrong(
    7, lambda layer_1, weights: np.dot(layer_1, weights), cubes, argument="layer_1", cause="elementwise_product"
)
def layer_delta_by_star(layer_2_delta, layer_1, weights):
    layer_1_delta = layer_2_delta * weights.T
    return layer_1_delta, np.dot(layer_1.T, layer_2_delta)


wide = sized(((3, 4), (4, 6), (6,), (6, 5), (5,)), ((32, 40), (40, 64), (64,), (64, 20), (20,)))


def two_layers(x, W1, b1, W2, b2):
    a1 = np.tanh(x @ W1 * 0.5 + b1)
    return a1 @ W2 + b2


@family.wrong(8, two_layers, wide, argument="x W1 b1", cause=("updated_weight", "not_linear"))
def hidden_error_after_the_step(error, x, W1, b1, W2, b2, learning_rate=0.05):
    a1 = np.tanh(x @ W1 * 0.5 + b1)
    gW2, gb2 = a1.T @ error, error.sum(axis=0)
    W2 = W2 - learning_rate * gW2
    hidden_error = (error @ W2.T) * (1 - a1 * a1)
    return hidden_error @ W1.T * 0.5, x.T @ hidden_error * 0.5, hidden_error.sum(axis=0), gW2, gb2


@family.whole(
    9,
    "wrong backward",
    "layer",
    sized(((4, 5), (5, 3), (3,)), ((32, 50), (50, 20), (20,))),
    gradients={"w": "grad_w", "b": "grad_b"},
    argument="x w b",
    cause="derivative_missing",
)
class SigmoidOutputLayer:
    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, x):
        self.inputs = x
        self.out = 1 / (1 + np.exp(-(x @ self.w + self.b)))
        return self.out

    def backward(self, delta):
        self.grad_w = self.inputs.T @ delta
        self.grad_b = delta.sum(axis=0)
        return delta @ self.w.T


rows_scaled = sized(((4, 7), (4, 1)), ((64, 90), (64, 1)))


@family.wrong(10, lambda x, s: x * s, rows_scaled, argument="s", cause=("not_reduced", "wrong_shape"))
def row_scale_keeps_the_columns(dy, x, s):
    return dy * s, dy * x


as_many_rows = sized(((6, 6), (6,)), ((50, 50), (50,)))


@family.wrong(10, lambda x, shift: x + shift, as_many_rows, argument="shift", cause="reduced_over_wrong_axis")
def shift_summed_along_the_rows(dy, x, shift):
    return dy, dy.sum(axis=1)


@family.whole(
    3,
    "wrong backward",
    "layer",
    sized(((5, 4), (4, 6), (6,)), ((64, 32), (32, 48), (48,))),
    gradients={"weights": "dweights", "biases": "dbiases"},
    argument="biases",
    cause="reduced_too_far",
)
class LayerDense:
    def __init__(self, weights, biases):
        self.weights, self.biases = weights, biases

    def forward(self, inputs):
        self.inputs = inputs
        return np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.zeros_like(self.biases)
        self.dbiases += np.sum(dvalues)
        return np.dot(dvalues, self.weights.T)


shared = sized(((3, 5), (5, 5)), ((24, 30), (30, 30)))


def applied_twice(x, W):
    h = np.tanh(x @ W * 0.4)
    return h @ W * 0.4, {"x": x, "h": h, "W": W}


@family.wrong(12, applied_twice, shared, style="cache", argument="W", cause=("use_dropped", "sum_term_missing"))
def second_use_overwrites_the_first(dout, cache):
    x, h, W = cache["x"], cache["h"], cache["W"]
    grads = {"W": 0.4 * h.T @ dout}
    dh = 0.4 * dout @ W.T * (1 - h**2)
    grads["W"] = 0.4 * x.T @ dh
    return 0.4 * dh @ W.T, grads["W"]


per_feature = sized(((5, 4), (4,), (4,)), ((64, 32), (32,), (32,)))


@family.wrong(13, lambda x, w, b: w * x + b, per_feature, argument="w b", cause="arguments_swapped")
def slope_and_offset_swapped(dout, x, w, b):
    dx, dw, db = dout * w, (dout * x).sum(axis=0), dout.sum(axis=0)
    return dx, db, dw


@family.wrong(
    13,
    lambda x, w: x @ w,
    sized(((3, 7), (7, 4)), ((32, 60), (60, 20))),
    argument="x w",
    cause=("arguments_swapped", "wrong_shape"),
)
def input_and_weight_gradient_swapped(dout, x, w):
    return x.T @ dout, dout @ w.T


def neuron_loop(x, w, b):
    out = np.zeros((len(x), len(b)))
    for n, example in enumerate(x):
        out[n] = example @ w + b
    return out, (x, w)


@family.wrong(
    65,
    neuron_loop,
    sized(((4, 3), (3, 5), (5,)), ((20, 12), (12, 10), (10,))),
    style="cache",
    argument="w",
    cause=("last_sample_only", "samples_missing"),
)
def weights_assigned_in_the_loop(dout, cache):
    x, w = cache
    dx, dw = np.empty_like(x), np.zeros_like(w)
    for n in range(len(x)):
        dx[n] = w @ dout[n]
        dw = np.outer(x[n], dout[n])
    return dx, dw, dout.sum(axis=0)


def hidden_relu(x, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    return h @ W2 + b2, (x, W1, W2, z, h)


@family.wrong(9, hidden_relu, wide, style="cache", argument="x W1 b1", cause=("derivative_missing", "mask_missing"))
def hidden_relu_forgotten(dscores, cache):
    x, W1, W2, _, h = cache
    dh = dscores @ W2.T
    return dh @ W1.T, x.T @ dh, dh.sum(axis=0), h.T @ dscores, dscores.sum(axis=0)
