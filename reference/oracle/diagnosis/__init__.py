"""Why a gradient is wrong: from the behaviour of the error alone, and by exact match with known mistakes."""

from reference.oracle.diagnosis.diagnose import diagnose

__all__ = ["diagnose"]
