"""A wrong gradient is the true backward program with one edit: the programs, the grammar of edits, and the search."""
