"""演習 再帰層: 時間をさかのぼる逆伝播を書きます。 / Exercise: the backward of recurrent layers, through time.

状態の勾配は2つの道から来ます。その時刻の出力からと、次の時刻からです。重みは全時刻で共有なので、足し合わせます。
A state's gradient comes by two ways: from its own output and from the next step. All steps share the weights: add up.

    .venv/bin/functional-nn check docs/study/exercises/recurrent.py
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
    x_ct = None
    h_ct = None
    kernel_ct = None
    recurrent_kernel_ct = None
    bias_ct = None
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
    x_ct = None
    h_before_ct = None
    c_before_ct = None
    kernel_ct = None
    recurrent_kernel_ct = None
    bias_ct = None
    return x_ct, h_before_ct, c_before_ct, kernel_ct, recurrent_kernel_ct, bias_ct


def linear_recurrence_fwd(x, decay, initial):
    states = [initial]
    for t in range(x.shape[1]):
        states.append(decay[:, t] * states[t] + x[:, t])
    return np.stack(states[1:], axis=1), (decay, states)


def linear_recurrence_bwd(residuals, cotangent):
    decay, states = residuals
    # 逆向きの、同じ形の漸化式です。 / The same recurrence, from the end.
    x_ct = None
    decay_ct = None
    initial_ct = None
    return x_ct, decay_ct, initial_ct
