"""The forward's own steps: which single slip on the way back through them gives exactly the gradient that came back."""

from reference.oracle.diagnosis.traced.search import Traced, traced

__all__ = ["Traced", "traced"]
