"""A run from its first step to its last; only the loop knows all the others."""
