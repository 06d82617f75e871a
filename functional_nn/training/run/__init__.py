"""A run from its first step to its last; in the loop all the others meet."""
