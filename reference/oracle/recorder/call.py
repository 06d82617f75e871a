"""One call: what it was given, what came back to it, and all that as one file."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reference.oracle.recorder.files import Unreadable, packed, read
from reference.oracle.recorder.held import Held, NotHeld, held

FORMAT, VERSION = "functional_nn recording", "1"
SUFFIX = ".safetensors"
LITERALS = (bool, int, float, str)


@dataclass(frozen=True)
class Call:
    """A call of a recorded function.

    arguments: by name, nested lists as JSON has them, with {"array": name} for an array. arrays: all arrays by name.
    cotangents: one for each floating output, None where nothing came back to it. number counts the calls that can be
    differentiated, from 0; about says when and where (step, framework, device) and how the arguments were handed over.
    """

    target: str
    kind: str
    number: int
    arguments: Mapping[str, Any]
    arrays: Mapping[str, Held]
    cotangents: tuple[Held | None, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"call-{self.number:08d}{SUFFIX}"


def described(
    arguments: Mapping[str, Any], is_array: Callable[[Any], bool], hold: Callable[[Any], Held] = held
) -> tuple[dict[str, Any], dict[str, Held]]:
    """Arguments by name as JSON has them, and the arrays in them, held.

    Raises:
        NotHeld: there is something else in them than arrays, numbers, texts, None, and tuples, lists and dicts.
    """
    arrays: dict[str, Held] = {}

    def walked(name: str, value: Any) -> Any:
        if is_array(value):
            arrays[name] = hold(value)
            return {"array": name}
        if value is None or isinstance(value, LITERALS):
            return {"value": value}
        if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
            parts = [walked(f"{name}.{place}", part) for place, part in enumerate(value)]
            return {type(value).__name__ if type(value) in (tuple, list) else "tuple": parts}
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {"dict": {key: walked(f"{name}.{key}", part) for key, part in value.items()}}
        raise NotHeld(f"the argument {name} is a {type(value).__name__}: no array, number, text, tuple, list or dict")

    return {name: walked(name, value) for name, value in arguments.items()}, arrays


def rebuilt(tree: Mapping[str, Any], arrays: Mapping[str, Any]) -> Any:
    """An argument from its description and the arrays by name."""
    ((kind, content),) = tree.items()
    if kind == "array":
        return arrays[content]
    if kind == "value":
        return content
    if kind == "dict":
        return {key: rebuilt(part, arrays) for key, part in content.items()}
    parts = [rebuilt(part, arrays) for part in content]
    return parts if kind == "list" else tuple(parts)


def handed(call: Call, names: Sequence[str], arrays: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of these names as the call had them: those by place, and those by name."""
    values = {name: rebuilt(call.arguments[name], arrays) for name in names}
    first = call.about.get("positional", len(names))
    return [values[name] for name in names[:first]], {name: values[name] for name in names[first:]}


def as_bytes(call: Call) -> bytes:
    """The file of a call."""
    every = {f"argument {name}": one for name, one in call.arrays.items()}
    every |= {f"cotangent {place}": one for place, one in enumerate(call.cotangents) if one is not None}
    memory = {
        name: {"shape": one.shape, "strides": one.strides, "wanted": one.wanted, "dtype": one.bits.dtype}
        for name, one in every.items()
    }
    said = {
        "format": FORMAT,
        "version": VERSION,
        "target": call.target,
        "kind": call.kind,
        "call": str(call.number),
        "arguments": json.dumps(call.arguments),
        "outputs": str(len(call.cotangents)),
        "memory": json.dumps(memory),
        "about": json.dumps(dict(call.about)),
    }
    return packed({name: one.bits for name, one in every.items()}, said)


def from_file(path: Path) -> Call:
    """Read a call.

    Raises:
        Unreadable: the file is damaged, or of another format or version.
    """
    bits, said = read(path)
    if said.get("format") != FORMAT:
        raise Unreadable(f"{path.name} is no recording: it was not written by oracle.record")
    if said.get("version") != VERSION:
        raise Unreadable(f"{path.name} is of version {said.get('version')} of the format; this is version {VERSION}")
    try:
        memory = json.loads(said["memory"])
        every = {
            name: Held(bits[name], tuple(own["shape"]), own["strides"] and tuple(own["strides"]), own["wanted"])
            for name, own in memory.items()  # the order of the arguments: that of the bits is another
        }
        arrays = {name.removeprefix("argument "): one for name, one in every.items() if name.startswith("argument ")}
        cotangents = tuple(every.get(f"cotangent {place}") for place in range(int(said["outputs"])))
        number, arguments, about = int(said["call"]), json.loads(said["arguments"]), json.loads(said["about"])
        for tree in arguments.values():
            rebuilt(tree, arrays)  # a KeyError where an array is not there
        return Call(said["target"], said["kind"], number, arguments, arrays, cotangents, about)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"{path.name} is no recording: what it says of its arrays makes no sense") from error
