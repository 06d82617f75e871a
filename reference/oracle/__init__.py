"""Says whether hand-written backpropagation is right, and where it is wrong, why. NumPy only."""

from reference.oracle.causes import CAUSES, RENAMED
from reference.oracle.check import check
from reference.oracle.examples import example_inputs
from reference.oracle.optimizers.check import check_optimizer
from reference.oracle.recorder.record import record
from reference.oracle.recorder.replay import replay
from reference.oracle.report import ArgumentReport, Finding, Report
from reference.oracle.subjects.frameworks import from_jax, from_torch
from reference.oracle.subjects.layers import from_layer
from reference.oracle.subjects.networks import from_network
from reference.oracle.subjects.subject import Subject, from_cache, from_forward_backward, from_rule, from_vjp
from reference.oracle.sweep.report import SweepReport
from reference.oracle.sweep.sweeping import sweep
from reference.oracle.verdicts import GradientMismatch, assert_correct

__all__ = [
    "CAUSES",
    "RENAMED",
    "ArgumentReport",
    "Finding",
    "GradientMismatch",
    "Report",
    "Subject",
    "SweepReport",
    "assert_correct",
    "check",
    "check_optimizer",
    "example_inputs",
    "from_cache",
    "from_forward_backward",
    "from_jax",
    "from_layer",
    "from_network",
    "from_rule",
    "from_torch",
    "from_vjp",
    "record",
    "replay",
    "sweep",
]
