"""The sixth set: mistakes written from the definitions of the causes alone, in November 2026, each named alike by two.

Three writers knew `reference/oracle/causes.toml` and `case.py`, and neither the diagnosis nor any other case; a reader
who saw the code without its names, and no more of the project than the definitions, named every mistake again. Cases
that the two named differently are left out (6 of 690). It was judged once, after the diagnosis was finished.
"""
