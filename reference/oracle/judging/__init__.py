"""`functional-nn judge`: code that nobody trusts runs in a process of its own, and answers for the oracle's questions."""
