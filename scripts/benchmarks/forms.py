"""The forms of a convolution and its gradients side by side: what lax makes of them on a CPU, what we write, oneDNN."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn._geometry import Spec, lines
from functional_nn.cpu import forms, lowerings, onednn

# Batch, size, channels, filters, window, stride, padding.
GEOMETRIES = (
    (100, 28, 16, 16, 3, 1, 1),
    (100, 14, 16, 32, 3, 1, 1),
    (100, 14, 32, 32, 3, 1, 2),
    (100, 8, 64, 64, 3, 1, 1),
    (32, 32, 64, 64, 3, 1, 1),
    (8, 28, 128, 128, 3, 1, 1),
    (8, 14, 256, 256, 3, 1, 1),
    (2, 112, 64, 64, 3, 1, 1),
    (32, 32, 64, 128, 3, 2, 1),
    (32, 32, 64, 64, 1, 1, 0),
    (100, 28, 1, 30, 5, 1, 2),
    (100, 28, 1, 16, 3, 1, 1),
    (100, 28, 3, 16, 3, 1, 1),
)
# The two arrays that each sum takes.
TAKEN = {"correlate": ("x", "kernel"), "spread": ("out", "kernel"), "gather": ("x", "out")}
COLUMNS = ("sum", "geometry", "copied a position", "multiplied a position")
COLUMNS += ("lax ms", "ours ms", "oneDNN ms", "lax / ours", "chosen")


def rows(seconds: float) -> list[dict[str, Any]]:
    """A row a sum and geometry: least wall milliseconds of lax, of ours and of oneDNN where it is, interleaved."""
    from benchmarks import measure

    found = []
    for geometry in GEOMETRIES:
        arrays, spec = problem(*geometry)
        for name, form in ours(geometry).items():
            left, right = TAKEN[name]
            pair = arrays[left], arrays[right]
            runs = {"lax": step(lowerings.LAX[name], pair, spec), "ours": step(form, pair, spec)}
            if onednn.takes(name, *pair, spec):
                runs["onednn"] = step(partial(onednn.convolution, name), pair, spec)
            measure.first_calls(runs)
            taken = measure.summary(measure.rounds(measure.timed(runs), seconds, 5))
            least = {by: entry["least_wall_ms"] for by, entry in taken.items()}
            found.append({"sum": name, "geometry": geometry, **least, "chosen": _chosen(name, pair, spec)})
            found[-1] |= _counts(geometry, spec)
    return found


def ours(geometry: tuple[int, ...]) -> dict[str, Callable[..., jax.Array]]:
    """What is or could be chosen for each sum of a geometry, besides lax."""
    _, _, channels, _, window, stride, _ = geometry
    if channels <= lowerings.MOST_PLANE_CHANNELS and channels * window**2 <= lowerings.MOST_PLANES:
        names = ("correlate_by_planes", "spread_by_planes", "gather_by_patches")
    elif stride == 1:
        names = ("correlate_on_all_cores", "spread_on_all_cores", "gather_by_tiles")
    else:
        names = ("gather_by_tiles",)
    return {name.split("_")[0]: getattr(forms, name) for name in names}


def problem(
    batch: int, size: int, channels: int, filters: int, window: int, stride: int, padding: int
) -> tuple[dict[str, jax.Array], Spec]:
    """The three arrays of a square convolution, of noise, and what is known of it when it is compiled."""
    spec = Spec(lines("conv", (size,) * 2, (window,) * 2, stride, padding, 1), 1, "channels_last", None)
    shapes = {
        "x": (batch, size, size, channels),
        "kernel": (window, window, channels, filters),
        "out": (batch, *(line.count for line in spec.lines), filters),
    }
    rng = np.random.default_rng(0)
    return {role: jnp.asarray(rng.normal(size=shape), jnp.float32) for role, shape in shapes.items()}, spec


def step(form: Callable[..., jax.Array], pair: tuple[jax.Array, jax.Array], spec: Spec) -> Callable[[], Any]:
    compiled = jax.jit(partial(form, spec=spec))
    return lambda: jax.block_until_ready(compiled(*pair))


def _chosen(name: str, pair: tuple[jax.Array, jax.Array], spec: Spec) -> str:
    """Which it is, and after a comma which it would be without oneDNN."""
    return ", ".join(
        dict.fromkeys(_called(name, lowerings.choose(name, *pair, spec, portable)) for portable in (False, True))
    )


def _called(name: str, form: Any) -> str:
    if form is lowerings.LAX[name]:
        return "lax"
    inner = form.args[-1] if isinstance(form, partial) else form
    return "oneDNN" if getattr(inner, "func", None) is onednn.convolution else "ours"


def _counts(geometry: tuple[int, ...], spec: Spec) -> dict[str, int]:
    copied, _ = forms.copies(geometry[2], geometry[3], spec.lines)
    return {"copied": copied, "multiplied": geometry[2] * geometry[3] * geometry[4] ** 2}


def table(result: dict[str, Any]) -> str:
    """The rows in Markdown."""
    text = [result["machine"], "", f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for row in result["rows"]:
        batch, size, channels, filters, window, stride, padding = row["geometry"]
        name = f"{batch}, {size}x{size}, {channels} to {filters}, {window}x{window}, stride {stride}, pad {padding}"
        times = [f"{row[form]:.2f}" if form in row else "" for form in ("lax", "ours", "onednn")]
        times += [f"{row['lax'] / row['ours']:.2f}", row["chosen"]]
        text.append(f"| {' | '.join([row['sum'], name, str(row['copied']), str(row['multiplied']), *times])} |")
    return "\n".join(text)
