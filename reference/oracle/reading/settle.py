"""The few lines that settle how code is called: an entry of EXAMPLES, or an adapter as a NAME_vjp function."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reference.oracle.reading.calls import Source
from reference.oracle.reading.discover import Found
from reference.oracle.reading.source import init_of, required
from reference.oracle.reading.trial import Reading

HEAD = "import numpy as np\n\nrng = np.random.default_rng(0)\n"


def example_of(found: Found) -> str:
    """An entry of EXAMPLES to be filled in, where no inputs were found."""
    inputs = "".join("rng.normal(size=(3, 7)), " for _ in required(found.forward) or ["x"]).rstrip()
    if found.style not in ("object", "network"):
        return f"{HEAD}{_entry(found.name, f'({inputs})')}  # your own arrays"
    init = ", ".join(f'"{name}": 7' for name in required(init_of(found.parts[0])))
    entry = f'{{"init": {{{init}}}, "inputs": ({inputs})}}'
    return f"{HEAD}{_entry(found.name, entry)}  # your own values"


def settling(found: Found, reading: Reading) -> str:
    """The adapter of a reading, on the inputs that it ran on: pasted behind the code it makes the reading certain."""
    written = reading.written
    if written is None or set(reading.subject.constants) & set(reading.names[: reading.inputs]):
        return f"{HEAD}{_entry(found.name, _as_read(reading))}"
    name = f"{_identifier(found.name)}_vjp"
    arrays = reading.names[: reading.inputs]
    lines = [
        f"def {name}({', '.join(map(_identifier, arrays))}):",
        *(f"    {line}" for line in written.setup),
        f"    returned = {written.forward}",
        f"    out = {written.output}",
        f"    return out, lambda cotangent: {_pulled(reading, written.backward)}",
    ]
    entry = _entry(name, values(reading.primals[: reading.inputs]))
    head = HEAD + "".join(f"{line}\n" for line in written.before)
    return f"{head}\n\n" + "\n".join(lines) + f"\n\n\n{entry}"


def _as_read(reading: Reading) -> str:
    """The inputs of a reading, and what its constructor was given."""
    inputs = values(reading.primals[: reading.inputs])
    made = ", ".join(f"{name!r}: {value(given)}" for name, given in (reading.made or {}).items())
    return inputs if reading.made is None else f'{{"init": {{{made}}}, "inputs": {inputs}}}'


def _pulled(reading: Reading, backward: str) -> str:
    """What a vjp returns; the gradient of a backward that takes no cotangent is multiplied by it."""
    lone = reading.subject.upstream == "one" and reading.inputs == 1
    return f"cotangent * np.asarray({backward})" if lone else backward


def _entry(name: str, inputs: str) -> str:
    return f'EXAMPLES = globals().get("EXAMPLES", {{}}) | {{"{name}": {inputs}}}'


def values(primals: Sequence[Any]) -> str:
    """A tuple of arrays like these, as it would be written."""
    return f"({', '.join(map(value, primals))},)"


def value(given: Any) -> str:
    """An array like this one, as it would be written: of its shape, with labels or chances where it has those."""
    if not isinstance(given, np.ndarray):
        return repr(given)
    size = str(given.shape)
    if given.dtype == bool:
        return f"rng.random({size}) < 0.5"
    if given.dtype.kind in "iu":
        return f"rng.integers(0, {int(given.max(initial=0)) + 1}, size={size})"
    if given.ndim == 2 and set(np.unique(given)) == {0.0, 1.0} and np.all(given.sum(-1) == 1):
        return f"np.eye({given.shape[1]})[{given.argmax(-1).tolist()}]"
    if set(np.unique(given)) <= {0.0, 1.0}:
        return f"(rng.random({size}) < 0.5) * 1.0"
    if given.ndim == 2 and np.allclose(given.sum(-1), 1) and given.min() > 0:
        return f"rng.dirichlet(np.ones({given.shape[1]}), size={given.shape[0]})"
    if given.size and given.min() > 0 and given.max() < 1:
        return f"rng.uniform(0.1, 0.9, size={size})"
    return f"rng.normal(size={size})"


def called(function: str, arguments: Mapping[str, str]) -> str:
    """A call by keywords."""
    placed = (text if name.startswith("*") else f"{name}={text}" for name, text in arguments.items())
    return f"{function}({', '.join(placed)})"


def expression(source: Source, cotangents: int) -> str:
    """The expression of a source, within a NAME_vjp function."""
    match source.kind:
        case "cotangent":
            return "cotangent" if cotangents == 1 else f"cotangent[{source.key}]"
        case "primal":
            return _identifier(source.key)
        case "output":
            return "out"
        case "cache":
            first = max(cotangents, 1)
            return f"(returned[{first}] if len(returned) == {first + 1} else returned[{first}:])"
        case "returned":
            return f"returned[{source.key}]"
    return repr(source.key)


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
