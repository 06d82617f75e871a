"""What may make programs for the CPU fast: FUNCTIONAL_NN_FAST, read once at import.

0 leaves every form to lax, xla writes forms of XLA's operations, and 1, the default, calls oneDNN where it is too.
"""

import os

MODE = os.environ.get("FUNCTIONAL_NN_FAST", "1")
if MODE not in ("0", "xla", "1"):
    raise ValueError(f"FUNCTIONAL_NN_FAST must be 0, xla or 1; got {MODE!r}")
