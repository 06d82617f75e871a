"""A value for every argument of a function or constructor, out of a scene: by part, annotation, or comparisons."""

import copy
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

import numpy as np

from reference.oracle.reading.calls import RATE
from reference.oracle.reading.optimizer import GradientDescent
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import keys_of, parameters, texts_of
from reference.oracle.reading.spoken_to import is_looped_over, is_spoken_to
from reference.oracle.reading.standing_in import Tanh, two_layers
from reference.oracle.reading.vocabulary import SLOPES, part_of, plain, words_of

# Arguments of these parts are given even where they have a default.
SETTINGS = ("stride", "pad", "rate", "window_h", "window_w", "window", "groups", "conv_param", "pool_param",
            "bn_param")  # fmt: skip
SHAPES = ("input_shape", "layer_sizes", "hidden_dims")
NETWORK_SIZES = ("in_size", "hidden_size", "out_size", "vocabulary", "word_size", *SHAPES)
# What a constructor means by a word that is an array to a function.
SIZES: Mapping[str, str] = {
    "filters": "out_size", "units": "out_size", "outputs": "out_size", "output": "out_size", "inputs": "in_size",
    "input": "in_size", "n": "in_size", "m": "out_size", "size": "out_size", "hidden": "hidden_size", "dim": "in_size",
    "nin": "in_size", "nout": "out_size", "features": "in_size", "channels": "in_size", "h": "hidden_size",
    "inputshape": "input_shape", "inshape": "input_shape", "shape": "input_shape", "layers": "layer_sizes",
    "sizes": "layer_sizes", "layersizes": "layer_sizes", "layerdims": "layer_sizes", "dims": "layer_sizes",
    "layersdims": "layer_sizes", "architecture": "layer_sizes", "hiddendims": "hidden_dims", "layer": "layer_sizes",
    "hiddensizelist": "hidden_dims", "topology": "layer_sizes", "insize": "in_size", "outsize": "out_size",
    "xdim": "input_shape", "inputlayer": "in_size", "outputlayer": "out_size", "hiddenlayer": "hidden_size",
    "inputsizes": "input_shape", "dff": "out_size",
    "k": "window", "f": "window", "kernel": "window", "s": "stride", "p": "pad", "d": "in_size", "c": "in_size",
}  # fmt: skip
# What makes arrays is given no arrays: input_d is a size.
OF_CONSTRUCTORS = {"x": "in_size", "predictions": "out_size"}
# Where a scene has no value for these parts, this one does: any would.
USUAL: Mapping[str, Any] = {
    "learning_rate": RATE, "epsilon": 1e-5, "momentum": 0.9, "slope": 0.1, "axis": -1, "groups": 1, "training": True,
    "activation_name": "relu", "keeping": True, "optimizer": GradientDescent(), "regularization": 0.1,
    "hidden_dims": [11, 13], "rate": 0.4, "keepdims": True, "axes": (1, 0), "place": 1, "low": -0.5, "high": 0.5,
    "flag": True, "out_shape": (11,), "heads": 1, "repeats": 2, "power": 0.75, "sample_size": 2,
}  # fmt: skip
BY_TYPE: Mapping[type, tuple[str, ...]] = {
    int: ("in_size", "hidden_size", "out_size", "stride", "pad", "window", "window_h", "window_w", "groups", "axis"),
    float: ("rate", "slope", "epsilon", "momentum", "learning_rate", "regularization"),
    bool: ("training",),
}

PLAIN: Mapping[type, Any] = {int: 2, float: 0.5, bool: True}


def filled(
    function: Callable[..., Any], scene: Scene, *, constructor: bool = False, loss: bool = False
) -> dict[str, Any] | None:
    """A value for every required parameter and every setting that the scene has; None where one is lacking."""
    values: dict[str, Any] = {}
    taken = parameters(function)
    parts = _parts([p.name for p in taken], scene, constructor=constructor, loss=loss)
    shaped = {p.name for p in taken if isinstance(p.default, tuple | list) and parts[p.name] == "in_size"}
    parts |= dict.fromkeys(shaped, "input_shape")
    for parameter in taken:
        wanted = parameter.default is parameter.empty
        part = parts[parameter.name]
        if not wanted and not _given_anyway(parameter, part, scene, loss=loss, constructor=constructor):
            continue
        found = _value(function, parameter, part, scene)
        if found and not wanted and _another_kind(parameter.default, found[0]):
            continue
        if found is None and wanted:
            return None
        if found is not None:
            values[parameter.name] = _apart(found[0], values.values())
    return values


def _apart(value: Any, others: Iterable[Any]) -> Any:
    """Floating inputs that differ from the others: equal ones would hide that their gradients are exchanged."""
    floats = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 1
    twins = sum(floats and np.array_equal(value, other) for other in others if isinstance(other, np.ndarray))
    return value if not twins else np.roll(value, twins) * 0.75**twins


def _given_anyway(
    parameter: inspect.Parameter, part: str | None, scene: Scene, *, loss: bool, constructor: bool
) -> bool:
    """Settings; what can be done without, loss(X, y=None) and a bias; the sizes of a network made small."""
    if parameter.name in scene.given:
        return True
    if loss and part in ("targets", "other"):
        return part in scene.values
    if part == "bias" and parameter.default is None and not constructor:
        return part in scene.values
    if part == "keeping" and parameter.default is False:
        return True
    if constructor and scene.small and part == "regularization" and parameter.default == 0:
        return True
    if constructor and scene.small and part in NETWORK_SIZES:
        return part in scene.values and isinstance(parameter.default, tuple | list) == (part in SHAPES)
    return part in SETTINGS and part in scene.values


def _another_kind(default: Any, value: Any) -> bool:
    """Whether a default says that the argument is of another kind: padding="same" takes no number."""
    return isinstance(default, str) != isinstance(value, str) and default is not None


def _parts(names: list[str], scene: Scene, *, constructor: bool, loss: bool) -> dict[str, str | None]:
    parts = {name: name if name in scene.values else part_of(name) for name in names}
    if constructor:
        parts = {name: OF_CONSTRUCTORS.get(part or "", part) for name, part in parts.items()}
        parts |= {name: SIZES[plain(name)] for name in names if plain(name) in SIZES and not _is_kernel(name, names)}
    else:
        parts = {name: "state" if part == "hidden_size" else part for name, part in parts.items()}
    held = set(parts.values())
    if "targets" in held and not {"x", "predictions"} & held:  # y beside t is no target but a prediction
        parts = {name: "x" if part == "other" else part for name, part in parts.items()}
    if loss and not {"targets", "other"} & held and list(parts.values()).count("x") == 2:
        second = [name for name in names if parts[name] == "x"][1]
        parts[second] = "targets"
    return parts


def _is_kernel(name: str, names: list[str]) -> bool:
    """`kernel` and `filters` are arrays where a bias stands beside them."""
    return plain(name) in ("kernel", "filters", "f") and any(plain(other) in ("b", "bias") for other in names)


def _value(function: Any, parameter: inspect.Parameter, part: str | None, scene: Scene) -> tuple[Any] | None:
    """The value in a tuple, None where there is none."""
    if parameter.default is parameter.empty and (texts := texts_of(function, parameter.name)):
        return (texts[0],)
    owner = getattr(function, "owner", None)
    if owner and part != "optimizer" and parameter.default is parameter.empty and is_spoken_to(owner, parameter.name):
        return (Tanh(slope=bool({word.lower() for word in words_of(parameter.name)} & set(SLOPES))),)
    if owner and parameter.default is parameter.empty and is_looped_over(owner, parameter.name):
        return (two_layers(),)
    kind = _annotated(parameter)
    if kind in BY_TYPE and part not in BY_TYPE[kind]:
        part = next((other for other in BY_TYPE[kind] if other in scene.values), part)
    if kind in PLAIN and isinstance(scene.values.get(part or ""), np.ndarray):  # mask: bool is no array of masks
        return (PLAIN[kind],)
    if part in scene.values:
        value = scene.values[part]
        if isinstance(value, dict):
            value = _with_keys(value, keys_of(function, parameter.name), scene)
        return (np.array(value) if isinstance(value, np.ndarray) else value,)
    if part == "predictions" and "x" in scene.values:
        return (np.array(scene.values["x"]),)
    return (copy.deepcopy(USUAL[part]),) if part is not None and part in USUAL else None


def _with_keys(settings: dict[str, Any], keys: list[str], scene: Scene) -> dict[str, Any]:
    """Settings under the keys that the code opens too: "padding" where the scene says "pad"."""
    by_part = {part_of(key): value for key, value in settings.items()}
    told = {key: by_part.get(part_of(key), scene.values.get(part_of(key) or "")) for key in keys if key not in settings}
    return settings | {key: value for key, value in told.items() if value is not None}


def _annotated(parameter: inspect.Parameter) -> Any:
    """The plain type that an annotation names, also as a text or beside None."""
    kind = parameter.annotation
    if isinstance(kind, str):
        return {"int": int, "float": float, "bool": bool}.get(kind)
    if isinstance(kind, types.UnionType):
        kind = next((part for part in get_args(kind) if part is not type(None)), kind)
    return kind if kind in (int, float, bool) else None
