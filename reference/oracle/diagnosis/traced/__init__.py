"""The forward's own steps: which single slip on the way back through them gives exactly the gradient that came back."""
