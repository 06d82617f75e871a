"""Names that NumPy has dropped since much of the code was written; each was another name of what stands beside it."""

import ast
from collections.abc import Iterator

import numpy as np

DROPPED = {
    "Inf": "inf", "Infinity": "inf", "NaN": "nan", "infty": "inf", "alltrue": "all", "cumproduct": "cumprod",
    "complex_": "complex128", "float_": "float64", "in1d": "isin",
    "mat": "asmatrix", "product": "prod", "round_": "round", "row_stack": "vstack",
    "sometrue": "any", "trapz": "trapezoid",
}  # fmt: skip
OF_PYTHON = {"bool": bool, "complex": complex, "float": float, "int": int, "long": int, "object": object, "str": str}


def give_back(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Put the dropped names that a text uses back into NumPy; the line of each, and a sentence."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name) if name not in vars(np):
                value = OF_PYTHON.get(name, getattr(np, DROPPED.get(name, ""), None))
                if value is not None:
                    setattr(np, name, value)
                    yield node.lineno, f"uses np.{name}, which NumPy has dropped: taken as what it was"
