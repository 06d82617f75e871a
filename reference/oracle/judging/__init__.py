"""`functional-nn judge`: code that nobody trusts runs in a process of its own, and is asked what the oracle asks."""
