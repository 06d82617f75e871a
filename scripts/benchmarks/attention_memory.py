"""What XLA sets aside for attention, beside arguments and results, as a sequence grows: ours, and JAX's own function.

Programs are compiled and not run, so that no machine is too small for the table.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import functional_nn

LENGTHS = (1024, 2048, 4096, 8192, 16384)
BATCH, HEADS, HEAD_DIM = 1, 8, 64
FORMS: dict[str, Callable[..., jax.Array]] = {
    "ours": functional_nn.attention,
    "ours, causal": partial(functional_nn.attention, causal=True),
    "ours, causal, window 256": partial(functional_nn.attention, causal=True, window=256),
    "jax.nn": jax.nn.dot_product_attention,
}
COLUMNS = (
    "length",
    "query, key, value and result",
    *(f"{form}: {way}" for form in FORMS for way in ("value", "gradient")),
)


def rows(lengths: tuple[int, ...] = LENGTHS) -> list[dict[str, Any]]:
    """A row a length: megabytes of temporary memory for the value, and for the value and the gradient of its sum."""
    return [
        {"length": length, **{name: _megabytes(form, length) for name, form in FORMS.items()}} for length in lengths
    ]


def _megabytes(form: Callable[..., jax.Array], length: int) -> list[float]:
    def summed(*arrays: jax.Array) -> jax.Array:
        return jnp.sum(form(*arrays))

    arrays = [jax.ShapeDtypeStruct((BATCH, length, HEADS, HEAD_DIM), jnp.float32)] * 3
    programs = (jax.jit(form), jax.jit(jax.value_and_grad(summed, (0, 1, 2))))
    counted = [program.lower(*arrays).compile().memory_analysis() for program in programs]
    return [0.0 if of is None else of.temp_size_in_bytes / 1e6 for of in counted]


def table(result: dict[str, Any]) -> str:
    """The rows in Markdown."""
    text = [result["machine"], "", f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for row in result["rows"]:
        given = 4 * 4 * BATCH * HEADS * HEAD_DIM * row["length"] / 1e6
        numbers = [given, *(number for form in FORMS for number in row[form])]
        text.append(f"| {row['length']} | {' | '.join(f'{number:.0f}' for number in numbers)} |")
    return "\n".join(text)
