"""The fourth held-out set, written from the catalogue alone; the diagnosis has since been mended on it."""
