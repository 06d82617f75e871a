"""Triton's interpreter, which a submission runs in on a CPU, made to compute in bfloat16 as a GPU does.

Triton 3.9 cuts float32 to bfloat16 there, where a GPU rounds, and its matrix product takes the bits of bfloat16 for
numbers. Right kernels would be judged wrong.
"""

import sys
from typing import Any

import numpy as np

INTERPRETER = "triton.runtime.interpreter"


def as_on_a_gpu() -> None:
    """Mend the interpreter where it is loaded; nothing where it is not, or has other internals."""
    interpreter: Any = sys.modules.get(INTERPRETER)
    builder = getattr(interpreter, "InterpreterBuilder", None)
    if builder is None or not all(hasattr(builder, name) for name in ("cast_impl", "create_dot")):
        return
    handle, language, cast, dot = interpreter.TensorHandle, interpreter.tl, builder.cast_impl, builder.create_dot

    def rounding(self: Any, value: Any, kind: Any) -> Any:
        if (value.dtype.scalar, kind.scalar) != (language.float32, language.bfloat16):
            return cast(self, value, kind)
        return handle(rounded(value.data), kind.scalar)

    def of_numbers(self: Any, *operands: Any) -> Any:
        return dot(self, *(numbers(one) if index < 2 else one for index, one in enumerate(operands)))

    def numbers(value: Any) -> Any:
        if value.dtype.scalar != language.bfloat16 or value.data.dtype != np.uint16:
            return value
        return handle((value.data.astype(np.uint32) << 16).view(np.float32), language.float32)

    builder.cast_impl, builder.create_dot = rounding, of_numbers


def rounded(values: np.ndarray) -> np.ndarray:
    """The bits of the nearest numbers of bfloat16, of two equally near ones the even one."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    near = (bits + ((bits >> 16) & 1) + 0x7FFF) >> 16
    return np.where(np.isnan(values), 0x7FC0, near).astype(np.uint16)
