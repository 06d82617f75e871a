"""Says whether hand-written backpropagation is right, and where it is wrong, why. NumPy only."""

from reference.oracle.causes import CAUSES
from reference.oracle.check import check
from reference.oracle.layers import from_layer, from_network
from reference.oracle.report import ArgumentReport, Finding, Report
from reference.oracle.subject import Subject, from_cache, from_forward_backward, from_rule, from_vjp

__all__ = [
    "CAUSES",
    "ArgumentReport",
    "Finding",
    "Report",
    "Subject",
    "check",
    "from_cache",
    "from_forward_backward",
    "from_layer",
    "from_network",
    "from_rule",
    "from_vjp",
]
