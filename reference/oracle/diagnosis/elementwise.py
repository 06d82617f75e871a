"""Functions of one entry: which derivative the backward uses in place of the right one; masks."""

from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def local_slope(view: View) -> np.ndarray | None:
    """The derivative of an elementwise function at every entry; None where the function connects entries."""
    return _slope_at(view, view.x) if view.out.shape == view.x.shape and view.x.size else None


def _slope_at(view: View, point: np.ndarray) -> np.ndarray | None:
    """All entries are moved at once; every other entry alone must then move its own output in the same way."""
    everywhere, half = np.ones(point.shape), (np.arange(point.size) % 2).reshape(point.shape)
    try:
        slope, halved = (_moved(view, point, direction) for direction in (everywhere, half))
    except Exception:  # the point may lie outside the function's domain
        return None
    size = max(1.0, float(np.max(np.abs(slope), initial=0.0)))
    apart = slope.shape == halved.shape and np.max(np.abs(halved - slope * half), initial=0.0) <= 1e-7 * size
    return slope if apart and slope.shape == point.shape and np.isfinite(slope).all() else None


def _moved(view: View, point: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The derivative of the output along a direction, by the four-point difference."""
    point = np.asarray(point, view.x.dtype)
    h = float(np.finfo(point.dtype).eps) ** 0.25 * np.maximum(1, np.abs(point)) * direction

    def at(steps: int) -> np.ndarray:
        primals = list(view.evidence.primals)
        primals[view.position] = (point + steps * h).astype(point.dtype)
        return view.ask.forward(tuple(primals))[: point.size].reshape(point.shape)

    change = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / 12
    return change / np.where(h == 0, 1, h)


def derivative_missing(view: View) -> Iterator[Model]:
    """The cotangent itself, where the function has a derivative other than one."""
    if view.out.shape == view.x.shape:
        slope = local_slope(view)
        constant = slope is None or np.ptp(slope[np.abs(slope) > 1e-12]) < 1e-9 if np.any(slope) else True
        cause = "identity" if constant else "derivative_missing"
        yield Model(cause, "is the cotangent unchanged: no derivative is applied", view.cotangent)


def derivative_twice(view: View) -> Iterator[Model]:
    """The derivative squared."""
    slope = local_slope(view)
    if slope is not None:
        words = "has the derivative applied twice"
        yield Model("derivative_twice", words, view.cotangent * slope * slope, noise=_slope_noise(view))


def derivative_at_output(view: View) -> Iterator[Model]:
    """f'(f(x)) in place of f'(x)."""
    if local_slope(view) is None:
        return
    slope = _slope_at(view, view.out)
    if slope is not None:
        words = "uses the derivative at the output, f'(f(x)), where f'(x) belongs"
        yield Model("derivative_at_output", words, view.cotangent * slope, noise=_slope_noise(view))


def _slope_noise(view: View) -> float:
    """The error of a measured slope in a prediction."""
    return 1e-9 * max(1.0, view.scale)


FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "u * (1 - u)": lambda u: u * (1 - u),
    "1 - u**2": lambda u: 1 - u * u,
    "1 + u**2": lambda u: 1 + u * u,
    "u": lambda u: u,
    "-u": lambda u: -u,
    "1 - u": lambda u: 1 - u,
    "u**2": lambda u: u * u,
    "-u**2": lambda u: -u * u,
    "u - u**2 / 2": lambda u: u - u * u / 2,
    "(u > 0)": lambda u: (u > 0) * 1.0,
    "(u < 0)": lambda u: (u < 0) * 1.0,
    "(u >= 0)": lambda u: (u >= 0) * 1.0,
    "sigmoid(u)": lambda u: 1 / (1 + np.exp(-u)),
    "tanh(u)": np.tanh,
    "1 - tanh(u)**2": lambda u: 1 - np.tanh(u) ** 2,
    "sigmoid(u) * (1 - sigmoid(u))": lambda u: 1 / (2 + np.exp(u) + np.exp(-u)),
    "sigmoid(-u)": lambda u: 1 / (1 + np.exp(u)),
    "exp(u)": np.exp,
    "exp(-u)": lambda u: np.exp(-u),
    "1 / u": lambda u: 1 / u,
    "2 * u": lambda u: 2 * u,
    "u * sigmoid(u)": lambda u: u / (1 + np.exp(-u)),
    "1.702-sigmoid derivative": lambda u: _quick_gelu_slope(u),
    "tanh-gelu derivative": lambda u: _tanh_gelu_slope(u),
    "exact-gelu derivative": lambda u: _gelu_slope(u),
}


def _quick_gelu_slope(u: np.ndarray) -> np.ndarray:
    gate = 1 / (1 + np.exp(-1.702 * u))
    return gate + 1.702 * u * gate * (1 - gate)


def _tanh_gelu_slope(u: np.ndarray) -> np.ndarray:
    root = np.sqrt(2 / np.pi)
    inner = np.tanh(root * (u + 0.044715 * u**3))
    return (1 + inner) / 2 + u / 2 * (1 - inner**2) * root * (1 + 3 * 0.044715 * u**2)


def _gelu_slope(u: np.ndarray) -> np.ndarray:
    from math import erf

    cdf = np.vectorize(lambda value: (1 + erf(value / np.sqrt(2))) / 2, otypes=[float])(u)
    return cdf + u * np.exp(-u * u / 2) / np.sqrt(2 * np.pi)


APPROXIMATIONS = ("1.702-sigmoid derivative", "tanh-gelu derivative", "exact-gelu derivative")


def wrong_derivative(view: View) -> Iterator[Model]:
    """A formula other than the right one, in the input or in the output."""
    slope = local_slope(view)
    if slope is None:
        return
    tensors = {"x": np.asarray(view.x, np.float64), "y": view.out}
    with np.errstate(all="ignore"):
        right = {name for name, f in FORMULAS.items() if _close(f(view.out), slope)}
        masking = len(np.unique(slope.round(6))) <= 2
        for name, formula in FORMULAS.items():
            for letter, tensor in tensors.items():
                yield from _formula(view, name, formula(tensor), letter, right, masking)


def _formula(view: View, name: str, slope: np.ndarray, letter: str, right: set[str], masking: bool) -> Iterator[Model]:
    if not np.isfinite(slope).all():
        return
    predicted = view.cotangent * slope
    written = name.replace("u", letter) if name not in APPROXIMATIONS else name
    written = written.replace(f"sigmoid({letter})", f"sigmoid({letter})")
    if letter == "x" and name in right:
        words = f"uses {written} with x the input: the formula wants the output"
        yield Model("derivative_at_input", words, predicted)
    elif name in APPROXIMATIONS and letter == "x":
        yield Model("approximation_one_side", f"uses the {written}; the forward is another form", predicted)
    elif masking and name in ("(u > 0)", "(u >= 0)", "(u < 0)"):
        yield Model("mask_wrong", f"uses the mask {written}", predicted)
    else:
        yield Model("wrong_derivative", f"uses {written} as the derivative (x the input, y the output)", predicted)


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.all(np.abs(a - b) <= 1e-6 * max(1.0, float(np.max(np.abs(b), initial=0.0)))))


def local_factor(view: View) -> Iterator[Model]:
    """A factor from entry to entry that no formula explains: the backward is elementwise too, with another slope."""
    slope = local_slope(view)
    if slope is None or not view.same_shape or not np.all(view.cotangent):
        return
    half = (np.arange(view.x.size) % 2).reshape(view.x.shape)
    answer = view.ask.subject((view.cotangent * half).ravel())
    halved = None if answer is None else answer[view.position]
    if halved is None or np.shape(halved) != view.x.shape:
        return
    gap = np.max(np.abs(np.asarray(halved, np.float64) - view.got * half), initial=0.0)
    tensors = {"x": np.asarray(view.x, np.float64), "y": view.out}
    region = describe_region(view.wrong, tensors)
    if gap <= 1e-9 * max(view.scale, 1e-300) and region and view.wrong.sum() >= 4:
        shown = "half a cotangent gives half of the gradient, entry by entry, and its slope is another"
        yield Model("local_factor", f"has a wrong derivative {region}", view.got, shown=shown)


def describe_region(wrong: np.ndarray, tensors: dict[str, np.ndarray]) -> str:
    """The condition on a tensor's sign that selects exactly these entries, or nothing."""
    for name, tensor in tensors.items():
        for words, chosen in (
            (f"exactly where {name} > 0", tensor > 0),
            (f"exactly where {name} < 0", tensor < 0),
            ("everywhere", tensor == tensor),
        ):
            if np.array_equal(chosen, wrong):
                return words
    return ""


def epsilon_one_side(view: View) -> Iterator[Model]:
    """One over the backward's derivative differs from one over the true one by the same small number everywhere."""
    slope = local_slope(view)
    if slope is None or not view.same_shape or not np.all(view.got) or not np.all(np.abs(slope) > 1e-12):
        return
    with np.errstate(all="ignore"):
        shift = view.cotangent / view.got - 1 / slope
        epsilon = float(np.median(shift))
        if 0 < abs(epsilon) < 0.1 * float(np.median(np.abs(1 / slope))):
            side = "the backward" if epsilon > 0 else "the forward"
            words = f"has a denominator that differs by {abs(epsilon):.3g}: {side} has an epsilon that the other lacks"
            predicted = view.cotangent / (1 / slope + epsilon)
            yield Model("epsilon_one_side", words, predicted, freedom=1, noise=_slope_noise(view))
