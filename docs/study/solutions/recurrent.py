"""解答 再帰層: 時間をさかのぼる逆伝播を書きます。 / Solution: the backward of recurrent layers, through time.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/recurrent.py
"""

import numpy as np

rng = np.random.default_rng(0)


def weights(gates):
    return (
        rng.uniform(-0.5, 0.5, (7, gates * 11)),
        rng.uniform(-0.5, 0.5, (11, gates * 11)),
        rng.normal(size=gates * 11),
    )


EXAMPLES = {
    "rnn": (rng.normal(size=(3, 5, 7)), rng.normal(size=(3, 11)), *weights(1)),
    "lstm_step": (rng.normal(size=(3, 7)), rng.normal(size=(3, 11)), rng.normal(size=(3, 11)), *weights(4)),
    "linear_recurrence": {
        "inputs": (rng.normal(size=(3, 5)), rng.uniform(0, 1, (3, 5)), rng.normal(size=3)),
        "op": "linear_recurrence",
    },
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_fwd(x, h, kernel, recurrent_kernel, bias):
    states = [h]
    for t in range(x.shape[1]):
        states.append(np.tanh(x[:, t] @ kernel + states[t] @ recurrent_kernel + bias))
    return np.stack(states[1:], axis=1), (x, states, kernel, recurrent_kernel)


def rnn_bwd(residuals, cotangent):
    x, states, kernel, recurrent_kernel = residuals
    # 最後の時刻から始めます。 / Begin at the last step: for t in reversed(range(x.shape[1])).
    x_ct, h_ct = np.zeros_like(x), np.zeros_like(states[0])
    kernel_ct, recurrent_kernel_ct, bias_ct = 0, 0, 0
    for t in reversed(range(x.shape[1])):
        sum_ct = (cotangent[:, t] + h_ct) * (1 - states[t + 1] ** 2)
        x_ct[:, t] = sum_ct @ kernel.T
        h_ct = sum_ct @ recurrent_kernel.T
        kernel_ct = kernel_ct + x[:, t].T @ sum_ct
        recurrent_kernel_ct = recurrent_kernel_ct + states[t].T @ sum_ct
        bias_ct = bias_ct + sum_ct.sum(axis=0)
    return x_ct, h_ct, kernel_ct, recurrent_kernel_ct, bias_ct


def lstm_step_fwd(x, h, c, kernel, recurrent_kernel, bias):
    i, f, g, o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    new_c = f * c + i * g
    return (o * np.tanh(new_c), new_c), (x, h, c, kernel, recurrent_kernel, i, f, g, o, np.tanh(new_c))


def lstm_step_bwd(residuals, cotangent):
    x, h, c, kernel, recurrent_kernel, i, f, g, o, tanh_c = residuals
    h_ct, c_ct = cotangent
    # セルには h を通る道もあります。 / The cell is seen through h, too.
    c_ct = c_ct + h_ct * o * (1 - tanh_c**2)
    i_ct, f_ct = c_ct * g * i * (1 - i), c_ct * c * f * (1 - f)
    g_ct, o_ct = c_ct * i * (1 - g**2), h_ct * tanh_c * o * (1 - o)
    sums_ct = np.concatenate([i_ct, f_ct, g_ct, o_ct], axis=-1)
    x_ct = sums_ct @ kernel.T
    h_before_ct = sums_ct @ recurrent_kernel.T
    c_before_ct = c_ct * f
    kernel_ct = x.T @ sums_ct
    recurrent_kernel_ct = h.T @ sums_ct
    bias_ct = sums_ct.sum(axis=0)
    return x_ct, h_before_ct, c_before_ct, kernel_ct, recurrent_kernel_ct, bias_ct


def linear_recurrence_fwd(x, decay, initial):
    states = [initial]
    for t in range(x.shape[1]):
        states.append(decay[:, t] * states[t] + x[:, t])
    return np.stack(states[1:], axis=1), (decay, states)


def linear_recurrence_bwd(residuals, cotangent):
    decay, states = residuals
    # 逆向きの、同じ形の漸化式です。 / The same recurrence, from the end.
    x_ct, decay_ct = np.zeros_like(cotangent), np.zeros_like(cotangent)
    initial_ct = np.zeros_like(states[0])
    for t in reversed(range(cotangent.shape[1])):
        h_ct = cotangent[:, t] + initial_ct
        x_ct[:, t] = h_ct
        decay_ct[:, t] = h_ct * states[t]
        initial_ct = decay[:, t] * h_ct
    return x_ct, decay_ct, initial_ct
