"""The packages that a run needs, and whether those are here that an extra brings."""

from importlib.util import find_spec

from functional_nn.training.endings import BadInput

CORE = ("functional_nn", "jax", "jaxlib", "numpy", "optax")
# Those of the extra `train`, and what each is imported as.
TRAIN = {
    "flatbuffers": "flatbuffers",
    "matplotlib": "matplotlib",
    "orbax-checkpoint": "orbax",
    "pillow": "PIL",
    "pooch": "pooch",
    "rich": "rich",
    "safetensors": "safetensors",
    "scikit-learn": "sklearn",
    "tensorboardX": "tensorboardX",
    "tyro": "tyro",
}


def require_extras() -> None:
    """A BadInput that names what is missing to train, predict and export."""
    missing = [package for package, module in TRAIN.items() if find_spec(module) is None]
    if missing:
        raise BadInput(f"{', '.join(missing)} not installed; mend it with: pip install 'functional_nn[train]'")
