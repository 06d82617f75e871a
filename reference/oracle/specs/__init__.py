"""The table: one row an op, a file a family. What the columns mean stands in `reference/oracle/opspec.py`."""

from reference.oracle.opspec import OpSpec
from reference.oracle.specs.activations import ACTIVATIONS
from reference.oracle.specs.convolution import CONVOLUTION
from reference.oracle.specs.dot_product import DOT_PRODUCT
from reference.oracle.specs.gating import GATING
from reference.oracle.specs.linear import LINEAR
from reference.oracle.specs.losses import LOSSES
from reference.oracle.specs.normalization import NORMALIZATION
from reference.oracle.specs.pooling import POOLING
from reference.oracle.specs.positional import POSITIONAL
from reference.oracle.specs.recurrent import RECURRENT
from reference.oracle.specs.regularization import REGULARIZATION
from reference.oracle.specs.sequence_losses import SEQUENCE_LOSSES

_FAMILIES = (
    *(ACTIVATIONS, LOSSES, LINEAR, CONVOLUTION, POOLING, NORMALIZATION, REGULARIZATION),
    *(GATING, POSITIONAL, DOT_PRODUCT, RECURRENT, SEQUENCE_LOSSES),
)
SPECS: dict[str, OpSpec] = {spec.name: spec for family in _FAMILIES for spec in family}
