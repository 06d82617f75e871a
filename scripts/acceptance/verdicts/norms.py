"""RMS norm and layer norm: three formulas of each backward, and mistakes in them."""

import numpy as np

from scripts.acceptance.verdicts.emulated import Way, like
from scripts.acceptance.verdicts.formulas import Function, Mistake

# RMS norm


def inverse_rms(w: Way, x):
    return 1 / np.sqrt(w.mean(x * x) + like(x, 1e-6))


def rms_norm(w: Way, x, scale):
    return x * inverse_rms(w, x) * scale


def rms_norm_of_normal(w: Way, d, out, x, scale):
    inverse = inverse_rms(w, x)
    normal, own = x * inverse, d * scale
    return inverse * (own - normal * w.mean(own * normal)), w.rows(d * normal)


def rms_norm_of_input(w: Way, d, out, x, scale):
    inverse, own = inverse_rms(w, x), d * scale
    along = w.sum(own * x, keepdims=True) / like(x, x.shape[-1])
    return own * inverse - x * along * inverse**3, w.rows(d * x * inverse)


def rms_norm_divided(w: Way, d, out, x, scale):
    square = w.mean(x * x) + like(x, 1e-6)
    return (d * scale - x * w.mean(d * scale * x) / square) / np.sqrt(square), w.rows(d * (x / np.sqrt(square)))


RMS_NORM = Function(
    "RMS norm", "rms_norm", rms_norm, (rms_norm_of_normal, rms_norm_of_input, rms_norm_divided),
    lambda rng: {"x": rng.normal(size=(6, 3, 17)), "scale": 1 + 0.3 * rng.normal(size=17)},
    (
        Mistake("the scale of the next channel", rms_norm_of_normal, "d * scale", "d * np.roll(scale, 1)",
                "shifted wrong_index wrong_operand"),
        Mistake("1 + scale for scale", rms_norm_of_normal, "d * scale", "d * (1 + scale)",
                "term_extra wrong_operand scaled_by_constant"),
        Mistake("the sign of the mean's term", rms_norm_of_normal, "(own - normal", "(own + normal", "sign"),
        Mistake("a mean over the other axis", rms_norm_of_normal, "w.mean(own * normal)", "w.mean(own * normal, 0)",
                "wrong_axis"),
        Mistake("the last block of rows alone", rms_norm_of_normal, "w.rows(d * normal)",
                "w.rows((d * normal).reshape(-1, x.shape[-1])[16:])", "part_missing"),
        Mistake("a power of the inverse short", rms_norm_of_input, "inverse**3", "inverse**2", "wrong_factor"),
        Mistake("a sum for the mean", rms_norm_of_input, " / like(x, x.shape[-1])", "",
                "scaled_by_count wrong_reduction"),
        Mistake("the scale's gradient of the output", rms_norm_of_input, "w.rows(d * x * inverse)", "w.rows(d * out)",
                "wrong_factor wrong_operand"),
        Mistake("the root of the mean square left out", rms_norm_divided, "/ np.sqrt(square), w", ", w",
                "wrong_factor derivative_missing"),
        Mistake("the scale's gradient is a mean", rms_norm_divided, "w.rows(d * (x / np.sqrt(square)))",
                "w.rows(d * (x / np.sqrt(square))) / like(x, 18)", "scaled_by_count wrong_reduction"),
    ),
    long=lambda rng: {"x": rng.normal(size=(1100, 5)), "scale": 1 + 0.3 * rng.normal(size=5)},
)  # fmt: skip

# Layer norm


def normalized(w: Way, x):
    centred = x - w.mean(x)
    inverse = 1 / np.sqrt(w.mean(centred * centred) + like(x, 1e-5))
    return centred, inverse, centred * inverse


def layer_norm(w: Way, x, scale, bias):
    return normalized(w, x)[2] * scale + bias


def layer_norm_of_means(w: Way, d, out, x, scale, bias):
    _, inverse, normal = normalized(w, x)
    own = d * scale
    x_ct = inverse * (own - w.mean(own) - normal * w.mean(own * normal))
    return x_ct, w.rows(d * normal), w.rows(d)


def layer_norm_of_sums(w: Way, d, out, x, scale, bias):
    _, inverse, normal = normalized(w, x)
    own, count = d * scale, like(x, x.shape[-1])
    of_own, of_both = w.sum(own, keepdims=True), w.sum(own * normal, keepdims=True)
    return inverse / count * (count * own - of_own - normal * of_both), w.rows(d * normal), w.rows(d)


def layer_norm_of_parts(w: Way, d, out, x, scale, bias):
    centred, inverse, normal = normalized(w, x)
    variance_ct = -inverse * inverse * inverse * w.mean(d * scale * centred)
    centred_ct = d * scale * inverse + centred * variance_ct
    return centred_ct - w.mean(centred_ct), w.rows(d * normal), w.rows(d)


LAYER_NORM = Function(
    "layer norm", "layer_norm", layer_norm, (layer_norm_of_means, layer_norm_of_sums, layer_norm_of_parts),
    lambda rng: {
        "x": 0.5 + rng.normal(size=(7, 2, 12)), "scale": 1 + 0.3 * rng.normal(size=12), "bias": rng.normal(size=12),
    },
    (
        Mistake("the mean is taken off twice", layer_norm_of_means, " - w.mean(own) -", " - 2 * w.mean(own) -",
                "term_extra scaled_by_constant"),
        Mistake("the scale twice", layer_norm_of_means, "own = d * scale", "own = d * scale * scale", "wrong_factor"),
        Mistake("the scale's gradient of what is centred", layer_norm_of_means, "w.rows(d * normal)",
                "w.rows(d * normalized(w, x)[0])", "wrong_factor wrong_operand"),
        Mistake("gradients of scale and bias exchanged", layer_norm_of_means, "w.rows(d * normal), w.rows(d)",
                "w.rows(d), w.rows(d * normal)", "arguments_swapped"),
        Mistake("the scale is left out of the means", layer_norm_of_means,
                "w.mean(own) - normal * w.mean(own * normal)", "w.mean(d) - normal * w.mean(d * normal)",
                "wrong_operand wrong_factor"),
        Mistake("the bias's gradient holds the scale", layer_norm_of_sums, "w.rows(d)", "w.rows(own)", "wrong_factor"),
        Mistake("a variance over one fewer", layer_norm_of_sums, "own, count = d",
                "inverse = inverse * np.sqrt(1 - 1 / like(x, x.shape[-1]))\n    own, count = d",
                "scaled_by_constant scaled_by_count convention_reduction static_ignored"),
        Mistake("the count is left out of a term", layer_norm_of_sums, "(count * own", "(own",
                "scaled_by_count scaled_by_constant"),
        Mistake("the path through the mean is left out", layer_norm_of_parts, "centred_ct - w.mean(centred_ct)",
                "centred_ct", "statistics_as_constants term_missing"),
        Mistake("a square for the cube", layer_norm_of_parts, "-inverse * inverse * inverse", "-inverse * inverse",
                "wrong_factor"),
    ),
    long=lambda rng: {
        "x": rng.normal(size=(1100, 4)), "scale": 1 + 0.3 * rng.normal(size=4), "bias": rng.normal(size=4),
    },
)  # fmt: skip
