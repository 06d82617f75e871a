"""Every example in a docstring is run, and prints what it says; the ops that people look up have one."""

import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn

ROOT = Path(__file__).resolve().parents[2]
PROMPT = re.compile(r"^\s*>>> ", re.MULTILINE)
# How arrays are shown in the examples, as the first page of the API says.
PRINTED = {"precision": 2, "suppress": True}


# In whose text a prompt stands; no other is imported.
FILES = [
    file
    for side in ("functional_nn", "reference")
    for file in sorted((ROOT / side).rglob("*.py"))
    if PROMPT.search(file.read_text("utf-8"))
]


def module_of(file: Path) -> Any:
    return importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))


def documented(module: Any) -> Iterator[tuple[str, str]]:
    """The name and the docstring of the module, and of all that is defined in it."""
    yield module.__name__, module.__doc__ or ""
    for name, thing in vars(module).items():
        if getattr(thing, "__module__", None) == module.__name__ and callable(thing):
            yield f"{module.__name__}.{name}", inspect.getdoc(thing) or ""
            if inspect.isclass(thing):
                inner = ((f"{module.__name__}.{name}.{key}", value) for key, value in vars(thing).items())
                yield from ((key, inspect.getdoc(value) or "") for key, value in inner if callable(value))


def failures(name: str, text: str, scope: dict[str, Any]) -> str:
    """What doctest says of the examples in a docstring that do not print what they say; nothing where all do."""
    said: list[str] = []
    test = doctest.DocTestParser().get_doctest(text, scope, name, None, None)
    with np.printoptions(**PRINTED):
        doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return "".join(said)


def examples() -> list[Any]:
    found = [(module, *pair) for module in map(module_of, FILES) for pair in documented(module)]
    return [pytest.param(*one, id=one[1]) for one in found if PROMPT.search(one[2])]


EXAMPLES = examples()


@pytest.mark.parametrize(("module", "name", "text"), EXAMPLES)
def test_an_example_prints_what_it_says(module: Any, name: str, text: str):
    assert failures(name, text, {"jax": jax, "jnp": jnp, "np": np, **vars(module)}) == ""


def test_every_prompt_belongs_to_an_example_that_is_run():
    """None stands where nothing looks for it: in a comment, or in a function inside of another."""
    written = sum(len(PROMPT.findall(file.read_text("utf-8"))) for file in FILES)
    assert written == sum(len(PROMPT.findall(example.values[2])) for example in EXAMPLES)
    assert written > 0


# Their files hold as many lines as a file may have.
WITHOUT = {"batch_norm_inference", "binary_cross_entropy", "group_norm", "kl_divergence", "rms_norm"}
WITHOUT |= {"sum_of_squares_error"}


@pytest.mark.parametrize("op", sorted(set(functional_nn.__all__) - WITHOUT))
def test_an_op_has_an_example(op: str):
    assert PROMPT.search(getattr(functional_nn, op).__doc__ or ""), f"functional_nn.{op} needs an example"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (">>> 1 + 1\n2\n", ""),
        (">>> 1 + 1\n3\n", "Expected:\n    3\nGot:\n    2"),
        (">>> unknown\n2\n", "NameError"),
        (">>> np.array([0.271])\narray([0.27])\n", ""),
    ],
    ids=["right", "wrong", "raises", "rounded"],
)
def test_a_wrong_example_is_seen(text: str, says: str):
    said = failures("planted", text, {"np": np})
    assert says in said
    assert bool(said) == bool(says)
