"""This package's folder in the user's cache."""

import os
from pathlib import Path


def user_cache() -> Path:
    """Where downloads and compiled programs are kept; RuntimeError where there is no home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "functional_nn"
