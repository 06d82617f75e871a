"""Inputs of a sweep in the dtype that is asked for, so that unusual values are those of that dtype."""

import importlib
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.accuracy.formats import FORMATS
from reference.oracle.sweep.makers import Maker


def in_dtype(maker: Maker, dtype: str) -> Maker:
    """The maker of the same numbers rounded to a dtype; bfloat16 stands in float32 where NumPy has none."""
    own = "float32" if dtype == "tf32" else dtype
    with suppress(ImportError):
        importlib.import_module("ml_dtypes")
    try:
        storage = np.dtype(own)
    except TypeError:
        storage = np.dtype(np.float32)

    def rounded(primal: Any) -> Any:
        held = primal is not None and is_floating(np.asarray(primal).dtype)
        return FORMATS[own].rounded(np.asarray(primal)).astype(storage) if held else primal

    return replace(maker, make=lambda sizes, seed: tuple(map(rounded, maker.make(sizes, seed))))
