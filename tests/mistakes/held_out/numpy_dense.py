"""Dense layers and what is built of them, with one slip in each backward."""

import numpy as np

from ..case import Family, sized

family = Family("dense")


def same(*shapes):
    return sized(shapes, shapes)


def affine_tanh(x, W, b):
    y = np.tanh(x @ W + b)
    return y, (x, W, y)


@family.wrong("", affine_tanh, same((6, 4), (4, 3), (3,)), style="cache", cause="wrong_reduction", argument="b")
def affine_bias_summed_along_the_features(dout, cache):
    x, W, y = cache
    dz = dout * (1 - y**2)
    return dz @ W.T, x.T @ dz, dz.sum(axis=1)


@family.wrong("", affine_tanh, same((6, 4), (4, 4), (4,)), style="cache", cause="transposed", argument="x")
def affine_square_weight_not_transposed(dout, cache):
    x, W, y = cache
    dz = dout * (1 - y * y)
    dx = np.dot(dz, W)
    dW = np.dot(x.T, dz)
    return dx, dW, dz.sum(axis=0)


@family.wrong("", affine_tanh, same((5, 5), (5, 5), (5,)), style="cache", cause="elementwise_product", argument="W")
def affine_weight_from_an_entrywise_product(dout, cache):
    x, W, y = cache
    delta = dout * (1 - np.square(y))
    return delta @ W.T, x.T * delta, np.sum(delta, axis=0)


@family.wrong("", affine_tanh, same((6, 4), (4, 3), (3,)), style="cache", cause="missing", argument="b")
def affine_bias_left_at_zero(dout, cache):
    x, W, y = cache
    grads = [np.zeros_like(x), np.zeros_like(W), np.zeros(W.shape[1])]
    dz = dout * (1 - y**2)
    grads[0] += dz @ W.T
    grads[1] += x.T @ dz
    return tuple(grads)


def two_layers(x, W1, b1, W2, b2):
    return np.maximum(x @ W1 + b1, 0) @ W2 + b2


MLP = same((6, 3), (3, 5), (5,), (5, 4), (4,))


@family.wrong("", two_layers, MLP, cause="wrong_operand", argument="W2")
def mlp_second_weight_from_the_pre_activation(dout, x, W1, b1, W2, b2):
    z = x @ W1 + b1
    dz = (dout @ W2.T) * (z > 0)
    return dz @ W1.T, x.T @ dz, dz.sum(0), z.T @ dout, dout.sum(0)


@family.wrong("", two_layers, MLP, cause="not_linear", argument="x W1 b1")
def mlp_relu_gates_by_the_sign_of_the_gradient(dout, x, W1, b1, W2, b2):
    hidden = np.maximum(x @ W1 + b1, 0)
    dW2, db2 = hidden.T @ dout, dout.sum(axis=0)
    dhidden = dout @ W2.T
    dhidden[dhidden <= 0] = 0
    return dhidden @ W1.T, x.T @ dhidden, dhidden.sum(axis=0), dW2, db2


@family.wrong("", two_layers, MLP, cause="updated_weight", argument="x W1 b1")
def mlp_goes_back_through_the_weight_after_its_step(dout, x, W1, b1, W2, b2):
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    z = x @ W1 + b1
    grads = {"W2": np.maximum(z, 0).T @ dout, "b2": dout.sum(0)}
    for name, grad in grads.items():
        params[name] = params[name] - 0.1 * grad
    dz = (z > 0) * (dout @ params["W2"].T)
    return dz @ W1.T, x.T @ dz, dz.sum(0), grads["W2"], grads["b2"]


@family.wrong("", two_layers, MLP, cause="derivative_missing", argument="b1")
def mlp_first_bias_takes_the_hidden_gradient_before_relu(dout, x, W1, b1, W2, b2):
    z = x @ W1 + b1
    dhidden = dout @ W2.T
    db1 = dhidden.sum(axis=0)
    dz = np.where(z > 0, dhidden, 0)
    return dz.dot(W1.T), x.T.dot(dz), db1, np.maximum(z, 0).T.dot(dout), dout.sum(axis=0)


def row_by_row(x, W):
    return np.array([W.T @ row for row in x])


@family.wrong("", row_by_row, same((4, 5), (5, 3)), cause="not_accumulated", argument="W")
def outer_product_of_the_last_row_is_kept(dout, x, W):
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for i in range(len(x)):
        dx[i] = W @ dout[i]
        dW = np.outer(x[i], dout[i])
    return dx, dW


@family.wrong("", row_by_row, same((4, 5), (5, 3)), cause="part_missing", argument="W")
def outer_products_start_at_the_second_row(dout, x, W):
    dW = np.zeros_like(W)
    for i in range(1, x.shape[0]):
        for j in range(W.shape[1]):
            dW[:, j] += x[i] * dout[i, j]
    return dout @ W.T, dW


@family.wrong("", row_by_row, same((4, 5), (5, 3)), cause="shifted", argument="W")
def outer_products_pair_each_row_with_the_one_before(dout, x, W):
    dx, dW = [], 0
    for i, g in enumerate(dout):
        dx.append(W @ g)
        dW = dW + x[i - 1][:, None] * g
    return np.array(dx), dW


def positionwise(x, W, b):
    return x @ W / np.sqrt(x.shape[-1]) + b


POSITIONS = same((3, 4, 5), (5, 2), (2,))


@family.wrong("", positionwise, POSITIONS, cause="scaled_by_count", argument="x")
def positionwise_root_of_the_width_lost_for_the_input(dout, x, W, b):
    flat, g = x.reshape(-1, x.shape[-1]), dout.reshape(-1, W.shape[1])
    dW = flat.T @ g / np.sqrt(flat.shape[1])
    return dout @ W.T, dW, g.sum(axis=0)


@family.wrong("", positionwise, POSITIONS, cause="transposed", argument="W")
def positionwise_rows_flattened_in_another_order(dout, x, W, b):
    d = x.shape[-1]
    columns = x.transpose(2, 1, 0).reshape(d, -1)
    dW = columns @ dout.reshape(-1, W.shape[1]) / np.sqrt(d)
    return dout @ W.T / np.sqrt(d), dW, dout.sum(axis=(0, 1))


def bilinear(x, A, y):
    return np.einsum("ni,ij,nj->n", x, A, y)


@family.wrong("", bilinear, same((5, 3), (3, 3), (5, 3)), cause="arguments_swapped", argument="x y")
def bilinear_left_and_right_vectors_trade_gradients(dout, x, A, y):
    g = dout[:, None]
    dleft, dright = g * (y @ A.T), g * (x @ A)
    return dright, (x * g).T @ y, dleft


@family.wrong("", bilinear, same((6, 4), (4, 4), (6, 4)), cause="transposed", argument="A")
def bilinear_form_letters_exchanged(dout, x, A, y):
    dA = np.einsum("n,ni,nj->ji", dout, x, y)
    dx = np.einsum("n,ij,nj->ni", dout, A, y)
    return dx, dA, np.einsum("n,ni,ij->nj", dout, x, A)


@family.whole("", "wrong backward", "vjp", same((5, 4), (4, 6), (6, 4)), cause="term_missing", argument="x")
def residual_block_without_its_skip(x, W1, W2):
    h = np.tanh(x @ W1)

    def pullback(g):
        dh = (g @ W2.T) * (1 - h**2)
        return dh @ W1.T, x.T @ dh, h.T @ g

    return x + h @ W2, pullback


@family.whole("", "wrong backward", "vjp", same((5, 4), (3, 4), (5, 3)), cause="term_missing", argument="x")
def film_scale_without_the_one(x, W, c):
    scale = c @ W
    out = x * (1 + scale)

    def pullback(g):
        dscale = g * x
        return g * scale, c.T @ dscale, dscale @ W.T

    return out, pullback


def highway(x, W, V):
    gate, h = 1 / (1 + np.exp(-x @ W)), np.tanh(x @ V)
    return gate * h + (1 - gate) * x, (x, W, V, gate, h)


@family.wrong("", highway, same((5, 4), (4, 4), (4, 4)), style="cache", cause="sign", argument="x W")
def highway_gate_adds_what_it_carries(dout, cache):
    x, W, V, gate, h = cache
    dlogit = dout * (h + x) * gate * (1 - gate)
    dinner = dout * gate * (1 - h**2)
    dx = dout * (1 - gate) + dlogit @ W.T + dinner @ V.T
    return dx, x.T @ dlogit, x.T @ dinner


@family.wrong("", highway, same((5, 4), (4, 4), (4, 4)), style="cache", cause="term_extra", argument="x")
def highway_carry_added_a_second_time(dout, cache):
    x, W, V, gate, h = cache
    dx = dout * (1 - gate)
    dlogit = dout * (h - x) * gate * (1 - gate)
    dx += dlogit @ W.T
    dinner = dout * gate * (1 - h**2)
    dx += dinner @ V.T + dout * (1 - gate)
    return dx, x.T @ dlogit, x.T @ dinner


def low_rank(x, W, A, B):
    return x @ W + 0.25 * (x @ A) @ B


@family.wrong("", low_rank, same((4, 6), (6, 5), (6, 2), (2, 5)), cause="scaled_by_constant", argument="B")
def low_rank_second_factor_without_the_scale(dout, x, W, A, B):
    narrow = x @ A
    dnarrow = 0.25 * dout @ B.T
    return dout @ W.T + dnarrow @ A.T, x.T @ dout, x.T @ dnarrow, narrow.T @ dout


def tied_autoencoder(x, W):
    code = 1 / (1 + np.exp(-(x @ W)))
    return code @ W.T, code


@family.wrong("", lambda x, W: tied_autoencoder(x, W)[0], same((5, 6), (6, 3)), cause="term_missing", argument="W")
def tied_weight_learns_in_the_decoder_only(dout, x, W):
    code = tied_autoencoder(x, W)[1]
    dcode = (dout @ W) * code * (1 - code)
    return dcode @ W.T, dout.T @ code


def grouped(x, W):
    parts = [part @ W[k] for k, part in enumerate(np.split(x, len(W), axis=1))]
    return np.hstack(parts)


@family.wrong("", grouped, same((4, 6), (3, 2, 3)), cause="wrong_index", argument="x")
def groups_all_go_back_through_the_first_block(dout, x, W):
    pieces, signals = np.split(x, len(W), axis=1), np.split(dout, len(W), axis=1)
    dW = np.stack([p.T @ s for p, s in zip(pieces, signals, strict=True)])
    return np.hstack([s @ W[0].T for s in signals]), dW


def flattened_head(images, w):
    return images.reshape(len(images), -1) @ w


@family.wrong("", flattened_head, same((4, 2, 3, 2), (12,)), cause="wrong_shape", argument="images")
def images_come_back_as_flat_rows(dout, images, w):
    flat = images.reshape(len(images), -1)
    return np.outer(dout, w), flat.T @ dout


def factorization(x, V):
    return 0.5 * np.sum((x @ V) ** 2 - x**2 @ V**2, axis=1)


@family.wrong("", factorization, same((4, 5), (5, 3)), cause="scaled_by_constant", argument="V")
def factorization_machine_square_correction_halved(dout, x, V):
    g, total = dout[:, None], x @ V
    dV = (g * x).T @ total - 0.5 * V * (x**2 * g).sum(0)[:, None]
    dx = g * (total @ V.T - x * (V**2).sum(1))
    return dx, dV
