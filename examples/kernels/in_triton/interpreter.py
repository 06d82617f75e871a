"""Triton's interpreter made quicker, and right where it multiplies matrices in bfloat16."""

from dataclasses import replace
from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime import interpreter


def prepare_once_a_launch() -> None:
    """Prepare the language once a launch, not at every call of a device function, of which `tl.sum` is one.

    Triton 3.9 walks all names of its language at each such call, and then finds them prepared. Only this walk is saved:
    what a kernel computes is the same. Nothing changes where Triton has other internals.
    """
    prepare, launch = getattr(interpreter, "_patch_lang", None), interpreter.GridExecutor.__call__
    if prepare is None or not hasattr(interpreter, "_LangPatchScope"):
        return
    prepared: set[str] = set()

    def prepare_once(function: Any) -> Any:
        wanted = {value.__name__ for value in function.__globals__.values() if value is tl or value is tl.core}
        if wanted <= prepared:
            return interpreter._LangPatchScope()
        prepared.update(wanted)
        return prepare(function)

    def launch_unprepared(self: Any, *arguments: Any, **options: Any) -> Any:
        prepared.clear()
        return launch(self, *arguments, **options)

    interpreter._patch_lang, interpreter.GridExecutor.__call__ = prepare_once, launch_unprepared


def leave_out_unread_checks() -> None:
    """Compute no overflow of integers whose assertion is then dropped, as Triton 3.9 does where `debug` is off."""
    builder = interpreter.interpreter_builder
    if not builder.options.debug and hasattr(builder.options, "sanitize_overflow"):
        builder.options = replace(builder.options, sanitize_overflow=False)


def multiply_bfloat16() -> None:
    """Let `tl.dot` multiply the numbers that bfloat16 stands for: Triton 3.9 keeps their bits, and multiplies these."""
    dot = interpreter.InterpreterBuilder.create_dot

    def dot_of_numbers(self: Any, a: Any, b: Any, *others: Any) -> Any:
        return dot(self, _numbers(a), _numbers(b), *others)

    interpreter.InterpreterBuilder.create_dot = dot_of_numbers


def _numbers(handle: Any) -> Any:
    if handle.data.dtype != np.uint16 or handle.dtype.scalar != tl.bfloat16:
        return handle
    return interpreter.TensorHandle((handle.data.astype(np.uint32) << 16).view(np.float32), tl.float32)
