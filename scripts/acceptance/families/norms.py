"""Layer norm and RMS norm, of rank 3 and of many rows."""

import torch

from scripts.acceptance.operation import Operation


def rms_norm(a, d, x, scale):
    inverse = (a.mean(x * x, -1) + 1e-6).rsqrt()
    y, own = x * inverse, d * scale
    return inverse * (own - y * a.mean(own * y, -1)), a.rows(d * y)


def layer_norm(a, d, x, scale, bias):
    centred = x - a.mean(x, -1)
    inverse = (a.mean(centred * centred, -1) + 1e-5).rsqrt()
    y, own = centred * inverse, d * scale
    x_ct = inverse * (own - a.mean(own, -1) - y * a.mean(own * y, -1))
    return x_ct, a.rows(d * y), a.rows(d)


def plain_rms_norm(x, scale):
    return torch.nn.functional.rms_norm(x, scale.shape, scale, 1e-6)


def plain_layer_norm(x, scale, bias):
    return torch.nn.functional.layer_norm(x, scale.shape, scale, bias, 1e-5)


def drawn(*shape, bias):
    """Primals of a norm over the last axis; a scale near 1, as it is in training."""

    def primals(rng):
        width = shape[-1:]
        made = {"x": rng.normal(size=shape), "scale": 1 + 0.3 * rng.normal(size=width), "bias": rng.normal(size=width)}
        return made if bias else {name: made[name] for name in ("x", "scale")}

    return primals


OPERATIONS = (
    Operation(
        "RMS norm", "rms_norm", plain_rms_norm, rms_norm, drawn(5, 4, 13, bias=False),
        (
            ("the mean's term is missing", " - y * a.mean(own * y, -1)", ""),
            ("a mean over one fewer", "a.mean(own * y, -1)", "a.sum(own * y, -1) / (y.shape[-1] - 1)"),
            ("the factor scale is missing", "d * scale", "d"),
            ("the factor inverse is missing", "return inverse * (", "return ("),
            ("the scale's gradient is of the input", "a.rows(d * y)", "a.rows(d * x)"),
            ("only shape[0] rows are summed", "a.rows(d * y)", "a.rows((d * y).flatten(0, 1)[: len(x)])"),
            ("the last addend for the sum", "a.rows(d * y)", "(d * y).flatten(0, 1)[-1]"),
        ),
    ),
    Operation(
        "layer norm", "layer_norm", plain_layer_norm, layer_norm, drawn(5, 4, 13, bias=True),
        (
            ("the mean's term is missing", " - a.mean(own, -1)", ""),
            ("the variance's term is missing", " - y * a.mean(own * y, -1)", ""),
            ("a mean over one fewer", "a.mean(own * y, -1)", "a.sum(own * y, -1) / (y.shape[-1] - 1)"),
            ("the factor scale is missing", "d * scale", "d"),
            ("a mean for the bias's sum", "a.rows(d)", "a.rows(d) / d[..., 0].numel()"),
            ("only shape[0] rows are summed", "a.rows(d)", "a.rows(d.flatten(0, 1)[: len(x)])"),
            ("the scale's gradient is of the input", "a.rows(d * y)", "a.rows(d * x)"),
        ),
    ),
    Operation(
        "RMS norm of 1,500 rows", "rms_norm", plain_rms_norm, rms_norm, drawn(1500, 7, bias=False), long=True,
    ),
)  # fmt: skip
