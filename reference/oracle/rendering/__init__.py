"""A report as text, in colour, as JSON and as a page."""
