"""What hatchling does beside copying files: it compiles the C files into a package for Linux on x86-64.

With FUNCTIONAL_NN_PURE=1, on other systems and without a C compiler the package is of Python alone, for every system.
"""

import os
import platform
import runpy
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILER = Path("functional_nn", "cpu", "compiler.py")


class Libraries(BuildHookInterface):
    """Called by hatchling for a wheel and for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are collected."""
        if os.environ.get("FUNCTIONAL_NN_PURE") or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            return
        compiler = runpy.run_path(str(Path(self.root, COMPILER)))
        try:
            made = list(compiler["build"]())
        except (OSError, compiler["Unusable"]) as why:
            self.app.display_warning(f"functional_nn: no library for the CPU is built: {why}")
            return
        if version == "standard":
            build_data["artifacts"] += [str(file.relative_to(self.root)) for file in made]
            build_data["pure_python"] = False
            # No Python is called from them: one wheel serves every version.
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
