"""The program of the submission's process, started by its path, with the few modules that hold no op of the house.

What is imported here can be found by the submission, so the packages above these modules are not run: they import the
reference.
"""

import importlib.util
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
SHELLS = ("reference", "reference.oracle", "reference.oracle.command")


def main() -> None:
    """Read the job from standard input, then answer until the judge has no more questions."""
    job = json.loads(sys.stdin.buffer.readline())
    _shells()
    from reference.oracle.judging.inside.serving import serve

    os.set_inheritable(job["channel"], False)
    serve(socket.socket(fileno=job["channel"]), job)


def _shells() -> None:
    """Packages whose modules can be imported, without what the packages themselves import."""
    for name in SHELLS:
        place = ROOT.joinpath(*name.split("."))
        spec = importlib.util.spec_from_file_location(
            name, place / "__init__.py", submodule_search_locations=[str(place)]
        )
        assert spec is not None
        package: Any = importlib.util.module_from_spec(spec)
        sys.modules[name] = package
        above, _, own = name.rpartition(".")
        if above:
            setattr(sys.modules[above], own, package)


if __name__ == "__main__":
    main()
    os._exit(0)  # without waiting for the submission's threads and exit handlers
