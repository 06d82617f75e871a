"""Derivatives by differences, rounding, and random directions: what every question measures with."""
