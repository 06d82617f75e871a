"""What the submission's process finds in its environment: what programs need to run, and nothing that may be secret."""

import os
import site

from reference.oracle.subjects.interpreted import INTERPRETED

NAMES = (
    "CC", "CXX", "DYLD_LIBRARY_PATH", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "PYTHONPATH", "TMPDIR",
    "TZ", "USER",
)  # fmt: skip
FAMILIES = (
    "CUDA_", "HIP_", "JAX_", "KMP_", "LC_", "MKL_", "NVIDIA_", "OMP_", "OPENBLAS_", "PYTORCH_", "ROCR_", "TORCH_",
    "TORCHINDUCTOR_", "TRITON_", "XLA_",
)  # fmt: skip


def handed_on(home: str, device: str | None) -> dict[str, str]:
    """The variables that it gets on this device, with this folder as its home; packages of the user's are found."""
    kept = {name: value for name, value in os.environ.items() if name in NAMES or name.startswith(FAMILIES)}
    triton = INTERPRETED if device in (None, "cpu") else {}
    return {**triton, **kept, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUSERBASE": site.getuserbase()}
