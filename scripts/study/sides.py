"""The two sides on which a page's example and its calls run: NumPy by hand, and JAX."""

import importlib
import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import functional_nn
import reference

from . import textbook
from .page import Page
from .refusal import Refusal

DOTTED = re.compile(r"\b(ref|fnn)((?:\.\w+)+)")
PACKAGES = {"ref": "reference", "fnn": "functional_nn"}


def namespaces(page: Page) -> dict[str, dict[str, Any]]:
    """The names of each side."""
    return {side: namespace(page, side) for side in textbook.SIDES}


def namespace(page: Page, side: str) -> dict[str, Any]:
    """A side's names: the libraries, `array` and `xp` that mean its own, and what the example defines."""
    names = _libraries(side)
    with page.source.located(("steps", 0)):
        names.update(textbook.names(page.source.file, side))
    with page.source.located(("example",)):
        run(page.example, names, f"the example must run on the side of {side}", exec)
    with page.source.located(("library",)):
        run(page.library, names, f"what the library's calls need must run on the side of {side}", exec)
    return names


def _libraries(side: str) -> dict[str, Any]:
    if side == "numpy":
        return {"np": np, "ref": reference, "xp": np, "array": np.array}
    return {"jnp": jnp, "jax": jax, "fnn": functional_nn, "xp": jnp, "array": jnp.array, "optax": optax, "np": np}


def run(code: str, names: Mapping[str, Any], rule: str, how: Any = eval) -> Any:
    """Evaluate or execute some code of a page; a Refusal where it fails."""
    import_what_is_named(code)
    try:
        return how(compile(code.strip(), "<page>", how.__name__), names)
    except Exception as error:  # a page's code may raise anything
        raise Refusal(
            f"{rule}; got {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        ) from error


def import_what_is_named(code: str) -> None:
    """Import the modules that a page names through its package, such as ref.models.mlp."""
    for package, rest in DOTTED.findall(code):
        name = PACKAGES[package]
        for part in rest.split(".")[1:]:
            name = f"{name}.{part}"
            try:
                importlib.import_module(name)
            except ModuleNotFoundError:
                break
