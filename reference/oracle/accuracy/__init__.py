"""Judging code in low precision: its error against float64, beside that of a plain computation in the same dtype."""
