"""What each widget of the study site must show at a setting of its controls, by reference/ and functional_nn/."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import functional_nn as fnn
import reference as ref
from reference import activations, linear, losses
from reference import optimizers as by_hand
from reference.models import simple_convnet
from reference.optimizers import sgd
from scripts.study.pictures import boundaries, differences, gradients, live_network, photographs, training, windows


def central_difference(f: str = "root", x: float = 3.0, h: int = 9) -> dict[str, Any]:
    """What the widget of this name shows, by reference.derivative and by the same sums in float32."""
    rules = {"root": np.sqrt, "reciprocal": lambda x: 1 / x, "cube": lambda x: x * x * x}
    twins = {"root": jnp.sqrt, "reciprocal": lambda x: 1 / x, "cube": lambda x: x * x * x}
    function, step, slope = rules[f], differences.steps()[h], float(fnn.derivative(twins[f])(x))
    rounded = {kind: kind(x) for kind in (np.float32, np.float64)}

    def found(rule: Any, kind: Any) -> float:
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(rule(function, rounded[kind], kind(step)))

    shown = {"h": step, "derivative": slope, "central_float64": ref.derivative(function, h=step)(x)}
    shown["forward_float64"] = found(differences.forward, np.float64)
    shown["central_float32"] = found(differences.central, np.float32)
    shown["forward_float32"] = found(differences.forward, np.float32)
    return shown | {f"{name}_error": abs(shown[name] - slope) for name in shown if "float" in name}


SURFACES: dict[str, Any] = {
    "bowl": lambda x: x[0] * x[0] / 10 + x[1] * x[1],
    "valleys": lambda x: (x[0] * x[0] - 9) * (x[0] * x[0] - 9) / 60 + x[0] / 5 + x[1] * x[1] / 2,
}


def descent(
    surface: str = "bowl", learning_rate: float = 0.3, steps: int = 15, start_0: float = -4.0, start_1: float = 2.0
) -> dict[str, Any]:
    f, start = SURFACES[surface], np.array([start_0, start_1])
    end, _ = ref.gradient_descent(f, start, learning_rate=learning_rate, steps=steps)
    twin, _ = fnn.gradient_descent(f, jnp.asarray(start), learning_rate=learning_rate, steps=steps)
    # Where the path diverges, a central difference rounds the small partial derivative beside the large value.
    np.testing.assert_allclose(end, twin, atol=1e-6 * max(1, np.abs(end).max()))
    gradient = ref.gradient(f)(end)
    shown = {"x0": end[0], "x1": end[1], "gradient_0": gradient[0], "gradient_1": gradient[1]}
    return shown | {"f_start": f(start), "f_end": f(end)}


def temperature(temperature: float = 1.0, **moved: float) -> dict[str, Any]:
    scores = np.array([moved.get(f"score_{i}", value) for i, value in enumerate((3.0, 1.0, 0.0, -2.0))])
    shares = ref.softmax(scores / temperature)
    np.testing.assert_allclose(shares, fnn.softmax(jnp.asarray(scores) / temperature), rtol=1e-12)
    return {f"y{i}": share for i, share in enumerate(shares)} | {"sum": 1.0}


def boundary(w1: float = 1.0, w2: float = 1.0, b: float = -1.5) -> dict[str, Any]:
    inputs, targets = boundaries.POINTS[:, :2], boundaries.POINTS[:, 2:]
    z = ref.dense(inputs, np.array([[w1], [w2]], float), np.array([b], float))
    length = float(np.linalg.norm([w1, w2]))
    return {
        "loss": ref.sigmoid_binary_cross_entropy(z, targets).mean(),
        "right": np.sum((np.round(z, 9) > 0) == (targets == 1)),
        "at_origin": ref.sigmoid(np.array(float(b))),
        "distance": abs(b) / length if length else None,
    }


def sliding_window(
    dimensions: str = "two", position: int = 8, stride: int = 1, padding: Any = 1, **moved: float
) -> dict[str, Any]:
    kernel = np.array([[moved.get(f"kernel_{i}{j}", windows.EDGE[i, j]) for j in range(3)] for i in range(3)], float)
    x, kernel = (windows.SIGNAL, kernel[1]) if dimensions == "one" else (windows.IMAGE, kernel)
    x, kernel = x[None, ..., None], kernel[..., None, None]
    out = ref.conv(x, kernel, strides=stride, padding=padding)
    np.testing.assert_allclose(out, fnn.conv(jnp.asarray(x), jnp.asarray(kernel), strides=stride, padding=padding))
    rows = out[0, ..., 0].reshape(1 if dimensions == "one" else -1, out.shape[-2])
    shown = {f"out_{i}_{j}": value for (i, j), value in np.ndenumerate(rows)}
    position = min(position, rows.size - 1)
    return shown | {"windows": rows.size, "position": position + 1, "window_sum": rows.flat[position]}


START = {"w11": 0.8, "w12": -0.5, "w21": 0.4, "w22": 0.9, "b1": 0.1, "b2": -0.2, "v1": 1.2, "v2": -0.7, "c": 0.3}


def network(x: np.ndarray, targets: np.ndarray, params: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Its values and the gradients to them, and the gradients to its parameters: reference/ forward, and back."""
    z, saved1 = linear.dense_fwd(x, params["kernel1"], params["bias1"])
    h, saved_h = activations.sigmoid_fwd(z)
    y, saved2 = linear.dense_fwd(h, params["kernel2"], params["bias2"])
    loss, saved_loss = losses.sum_of_squares_error_fwd(y, targets)
    y_ct, _ = losses.sum_of_squares_error_bwd(saved_loss, np.ones(1))
    h_ct, kernel2_ct, bias2_ct = linear.dense_bwd(saved2, y_ct)
    x_ct, kernel1_ct, bias1_ct = linear.dense_bwd(saved1, activations.sigmoid_bwd(saved_h, h_ct)[0])
    grads = {"kernel1": kernel1_ct, "bias1": bias1_ct, "kernel2": kernel2_ct, "bias2": bias2_ct}
    return {"h": h[0], "y": y[0, 0], "loss": loss[0], "y_ct": y_ct[0, 0], "h_ct": h_ct[0], "x_ct": x_ct[0]}, grads


def twin_loss(params: dict[str, Any], x: jax.Array, targets: jax.Array) -> jax.Array:
    """The loss of the same network in functional_nn."""
    h = fnn.sigmoid(fnn.dense(x, params["kernel1"], params["bias1"]))
    return fnn.sum_of_squares_error(fnn.dense(h, params["kernel2"], params["bias2"]), targets)[0]


TWIN_GRADIENT = jax.jit(jax.grad(twin_loss))


def small_network(
    stage: int = 6,
    steps: int = 0,
    learning_rate: float = 0.2,
    x1: float = 1.0,
    x2: float = -0.5,
    target: float = 1.5,
    **moved: float,
) -> dict[str, Any]:
    """What has been reached at the stage, after so many updates; None for what comes later."""
    p = START | moved
    params = {
        "kernel1": np.array([[p["w11"], p["w12"]], [p["w21"], p["w22"]]], float),
        "bias1": np.array([p["b1"], p["b2"]], float),
        "kernel2": np.array([[p["v1"]], [p["v2"]]], float),
        "bias2": np.array([p["c"]], float),
    }
    x, targets = np.array([[x1, x2]], float), np.array([[target]], float)
    optimizer = sgd(learning_rate)
    for _ in range(steps):
        params, _ = optimizer.update(network(x, targets, params)[1], {}, params)
    values, grads = network(x, targets, params)
    twins = TWIN_GRADIENT(params, x, targets)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-9), grads, twins)
    return {key: value if stage >= least else None for key, (least, value) in shown_when(values, grads).items()}


def shown_when(values: dict[str, Any], grads: dict[str, Any]) -> dict[str, tuple[int, Any]]:
    """Every number of the network, with the stage that reaches it."""
    last = {"v1": grads["kernel2"][0, 0], "v2": grads["kernel2"][1, 0], "c": grads["bias2"][0]}
    last |= {"h1": values["h_ct"][0], "h2": values["h_ct"][1]}
    first = {f"w{i + 1}{j + 1}": value for (i, j), value in np.ndenumerate(grads["kernel1"])}
    first |= {"b1": grads["bias1"][0], "b2": grads["bias1"][1], "x1": values["x_ct"][0], "x2": values["x_ct"][1]}
    shown = {"h1": (1, values["h"][0]), "h2": (1, values["h"][1]), "y": (2, values["y"]), "loss": (3, values["loss"])}
    shown |= {"y_ct": (4, values["y_ct"])}
    shown |= {f"{name}_ct": (5, value) for name, value in last.items()}
    return shown | {f"{name}_ct": (6, value) for name, value in first.items()}


# The rates that each has until another is chosen, and those that can be chosen.
RATES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1, 1.5]
EIGHT = {
    "sgd": (by_hand.sgd, 0.9),
    "momentum": (by_hand.momentum, 0.1),
    "nesterov": (by_hand.nesterov, 0.1),
    "adagrad": (by_hand.adagrad, 1),
    "rmsprop": (by_hand.rmsprop, 0.1),
    "adam": (by_hand.adam, 0.3),
    "adamw": (lambda rate: by_hand.adamw(rate, weight_decay=0.05), 0.3),
    "muon": (by_hand.muon, 0.2),
}


def walked(name: str, rate: int | None, surface: str, start: list[float], steps: int) -> dict[str, float]:
    """Where an optimizer of reference/ ends, by exact gradients; the point is a kernel of (2, 1), as muon wants it."""
    f = SURFACES[surface]
    slope = jax.jit(jax.grad(lambda x: f(x[:, 0])))
    make, usual = EIGHT[name]
    optimizer, params = make(usual if rate is None else RATES[rate]), {"x": np.array(start)[:, None]}
    state = optimizer.init(params)
    with np.errstate(all="ignore"):  # a rate that is too large leaves the numbers
        for _ in range(steps):
            params, state = optimizer.update({"x": np.asarray(slope(params["x"]))}, state, params)
        end = params["x"][:, 0]
        return {"0": end[0], "1": end[1], "f": float(f(end))}


def optimizers(
    left: str = "sgd",
    right: str = "adam",
    steps: int = 40,
    surface: str = "bowl",
    start_0: float = -4.0,
    start_1: float = 2.0,
    **rates: int,
) -> dict[str, Any]:
    start = [float(start_0), float(start_1)]
    shown = {"f_start": SURFACES[surface](start)}
    for side, name in (("left", left), ("right", right)):
        end = walked(name, rates.get(f"{side}_rate"), surface, start, steps)
        shown |= {f"{side}_{key}": value for key, value in end.items()}
    return shown


def turning_direction(angle: float = 30, x0: float = 1.5, x1: float = 1.0) -> dict[str, Any]:
    point, turned = np.array([x0, x1], float), np.deg2rad(angle)
    v = np.array([np.cos(turned), np.sin(turned)])
    gradient = np.asarray(fnn.gradient(gradients.tilted)(jnp.asarray(point)))
    slope = float(fnn.directional_derivative(gradients.tilted)(jnp.asarray(point), jnp.asarray(v)))
    np.testing.assert_allclose(slope, ref.directional_derivative(gradients.tilted)(point, v), atol=1e-7)
    length = float(np.linalg.norm(gradient))
    apart = abs((angle - np.rad2deg(np.arctan2(*gradient[::-1])) + 180) % 360 - 180)
    shown = {"slope": slope, "length": length, "apart": apart if length else None, "f": gradients.tilted(point)}
    return shown | {"gradient_0": gradient[0], "gradient_1": gradient[1]}


def photograph(row: int = 21, column: int = 8, **moved: float) -> dict[str, Any]:
    kernel = np.array([[moved.get(f"kernel_{i}{j}", windows.EDGE[i, j]) for j in range(3)] for i in range(3)], float)
    image = photographs.landscape().astype(float)
    out = windows.convolved(image, kernel)
    np.testing.assert_allclose(
        out, fnn.conv(jnp.asarray(image)[None, ..., None], jnp.asarray(kernel)[..., None, None])[0, ..., 0]
    )
    ends = {"lowest": out.min(), "highest": out.max()}
    return {"sum": out[row, column], "pixel": image[row + 1, column + 1]} | ends


def digit_network(pixels: str = "", target: int = 3, pen_row: int = 3, pen_column: int = 3) -> dict[str, Any]:
    """Every activation of the network that the site trains, by reference/, and the gradient to every pixel."""
    image = live_network.image_of(pixels or live_network.examples()[3])
    outputs, back = training.layer_outputs(image), live_network.gradient_by_pixel(image, target)
    params, state = training.run().after, {"config": training.CONFIG}
    loss, _ = simple_convnet.value_and_grad(params, state, image, np.array([target]))
    shares = ref.softmax(outputs["dense2"][0])
    shown = {"answer": shares.argmax(), "loss": loss, "pixel": image[0, pen_row, pen_column, 0]}
    shown |= {"pixel_ct": back[pen_row, pen_column]} | {f"p{digit}": share for digit, share in enumerate(shares)}
    for name in ("relu1", "pool1"):
        shown |= {f"{name}_{k}_{i}_{j}": value for (i, j, k), value in np.ndenumerate(outputs[name][0])}
    hidden = outputs["relu2"][0].reshape(2, 16)
    for name, values in (("x", image[0, ..., 0]), ("x_ct", back), ("relu2", hidden)):
        shown |= {f"{name}_{i}_{j}": value for (i, j), value in np.ndenumerate(values)}
    return shown


EXPECTED = {
    function.__name__: function
    for function in (
        *(central_difference, descent, temperature, boundary, sliding_window, small_network),
        *(optimizers, turning_direction, photograph, digit_network),
    )
}
