"""Triton's interpreter made quicker: it prepares the language once a launch, not at every call of a device function.

Even `tl.sum` is a device function. Triton 3.9 walks all names of its language at each such call, some 10 ms, and then
finds them prepared. Only this walk is saved: what a kernel computes is the same.
"""

from typing import Any

import triton.language as tl
from triton.runtime import interpreter


def prepare_once_a_launch() -> None:
    """Keep, during a launch, which modules of the language are prepared; nothing where Triton has other internals."""
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
