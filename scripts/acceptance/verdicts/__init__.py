"""Right and wrong backwards of six functions in four precisions, labelled by the oracle's own rule, and judged."""
