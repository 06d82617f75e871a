"""Why a gradient is wrong: the true backward with one edit, found by trying every edit of every program of it."""

from reference.oracle.diagnosis.acquittals import acquit
from reference.oracle.diagnosis.diagnose import diagnose
from reference.oracle.diagnosis.forward import explain_forward

__all__ = ["acquit", "diagnose", "explain_forward"]
