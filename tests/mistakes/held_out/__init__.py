"""The fifth held-out set, written from the catalogue alone; nothing is changed after it was judged."""
