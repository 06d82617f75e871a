"""Calls of a real training kept in files, bounded in number and size, and judged afterwards."""
