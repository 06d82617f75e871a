"""Why a gradient is wrong: from the behaviour of the error alone, and by exact match with known mistakes."""

from reference.oracle.diagnosis.acquittals import acquit
from reference.oracle.diagnosis.diagnose import diagnose
from reference.oracle.diagnosis.forward import explain_forward

__all__ = ["acquit", "diagnose", "explain_forward"]
