"""Cases written by reading the catalogue and the vocabulary only, after the diagnosis: nothing was tuned on them."""
