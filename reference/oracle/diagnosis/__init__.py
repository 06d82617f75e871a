"""Why a gradient is wrong: the true backward with one edit, found by trying every edit of every program of it."""

from reference.oracle.diagnosis.diagnose import diagnose

__all__ = ["diagnose"]
