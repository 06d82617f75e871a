"""Every operation, a family a file."""

from scripts.acceptance.families import norms, pointwise, products, softmaxes, tables

OPERATIONS = (
    *softmaxes.OPERATIONS,
    *norms.OPERATIONS,
    *pointwise.OPERATIONS,
    *products.OPERATIONS,
    *tables.OPERATIONS,
)
