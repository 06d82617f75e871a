"""The memory of a loss over a large vocabulary, forward and back: with all scores at once, and a chunk at a time.

XLA's own count (`memory_analysis`) of what a compiled program holds beside its arguments and results.
"""

from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import dense, linear_softmax_cross_entropy, softmax_cross_entropy

# (rows, inputs, classes): the tokens of one step of a language model, its width and its vocabulary.
SIZES = ((4096, 64, 50_000), (4096, 256, 50_000))
CHUNKS = (512, 256, 128)


def machine() -> str:
    """What the count depends on."""
    return f"{jax.default_backend()}, JAX {jax.__version__}."


def plain(x: jax.Array, kernel: jax.Array, labels: jax.Array) -> jax.Array:
    """The mean loss, with all scores at once."""
    return softmax_cross_entropy(dense(x, kernel), labels).mean()


def temporary_bytes(loss: Any, sizes: tuple[int, int, int], dtype: Any) -> int:
    """What value and both gradients hold beside arguments and results; nothing is run."""
    rows, inputs, classes = sizes
    shapes = [jax.ShapeDtypeStruct(shape, dtype) for shape in ((rows, inputs), (inputs, classes))]
    step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    counted = step.lower(*shapes, jax.ShapeDtypeStruct((rows,), jnp.int32)).compile().memory_analysis()
    assert counted is not None, "this backend counts no memory"
    return counted.temp_size_in_bytes


def rows(
    sizes: tuple[tuple[int, int, int], ...] = SIZES, chunks: tuple[int, ...] = CHUNKS, dtypes: Any = ("f4", "bfloat16")
) -> list[dict[str, Any]]:
    """One row for each size, dtype and form, each with its share of the plain form's memory."""
    found = []
    for size in sizes:
        for dtype in map(jnp.dtype, dtypes):
            whole = temporary_bytes(plain, size, dtype)
            entry = {"rows": size[0], "inputs": size[1], "classes": size[2], "dtype": dtype.name}
            found.append(entry | {"form": "all at once", "bytes": whole, "share": 1.0})
            for chunk in chunks:
                held = temporary_bytes(_chunked(chunk), size, dtype)
                found.append(entry | {"form": f"chunk={chunk}", "bytes": held, "share": held / whole})
    return found


def _chunked(chunk: int) -> Any:
    return lambda x, kernel, labels: linear_softmax_cross_entropy(x, kernel, labels, chunk=chunk).mean()


def table(result: dict[str, Any]) -> str:
    """The result as a page."""
    columns = ("rows", "inputs", "classes", "dtype", "form", "MB", "share")
    lines = [result["machine"], "", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for row in result["rows"]:
        sizes = " | ".join(str(row[name]) for name in columns[:5])
        lines.append(f"| {sizes} | {row['bytes'] / 1e6:.1f} | {row['share']:.3f} |")
    return "\n".join(lines)
