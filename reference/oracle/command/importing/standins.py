"""What stands in for a name that could not be had: inert while a file is loaded, refusing when it is used."""

import collections.abc
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from reference.oracle.command.importing.helpers import known

# Names under which packages are installed where these differ from the names under which they are imported.
INSTALLED_AS = {
    "Crypto": "pycryptodome",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "past": "future",
    "pywt": "PyWavelets",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# A stranger's name is no package to install: these are known to be the ones that are meant.
KNOWN = {
    *(
        "IPython",
        "autograd",
        "chainer",
        "cupy",
        "dask",
        "einops",
        "future",
        "gensim",
        "graphviz",
        "gym",
        "h5py",
        "imageio",
    ),
    *(
        "joblib",
        "jax",
        "keras",
        "librosa",
        "matplotlib",
        "mxnet",
        "networkx",
        "nltk",
        "nose",
        "numba",
        "numexpr",
        "pandas",
    ),
    *("plotly", "psutil", "pygame", "pytest", "pytorch_lightning", "requests", "scipy", "seaborn", "six", "soundfile"),
    *("statsmodels", "sympy", "tabulate", "tensorboardX", "tensorflow", "termcolor", "theano", "torch", "torchaudio"),
    *("torchtext", "torchvision", "tqdm", "transformers", "triton", "wandb", "wget"),
}
# What Python 3 has under another name, the same in value.
SAME = {
    "past.builtins.xrange": range,
    "six.moves.xrange": range,
    "six.moves.range": range,
    "six.moves.zip": zip,
    "six.moves.map": map,
    "six.moves.cPickle": pickle,
    "cPickle": pickle,
    "itertools.ifilter": filter,
    "itertools.imap": map,
    "itertools.izip": zip,
    **{f"collections.{name}": getattr(collections.abc, name) for name in collections.abc.__all__},
}
# NumPy's functions under CuPy's names, where CuPy calls them otherwise or has more than NumPy.
CUPY = {"asnumpy": np.asarray, "get_array_module": lambda *_: np, "scatter_add": np.add.at}
# Decorators that make a function faster and leave it what it is.
ACCELERATORS = {"numba.jit", "numba.njit", "numba.autojit"}

_used: list[str] = []


class NotThere(ImportError):
    """Something was used for which only a stand-in is there; the message says why."""


class StandIn(ModuleType):
    """A name that could not be had: its attributes are stand-ins too, and any other use of it raises."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name)
        self.__dict__["__reason__"] = reason

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}", self.__reason__)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Refused, unless it is a decorator that leaves a function what it is, or a function whose name says it all."""
        name = self.__name__.rpartition(".")[2]
        if helper := known(name):
            doubt(f"{self.__name__} is not there: {self.__reason__}; a {name} of our own stands in")
            return helper(*arguments, **named)
        if self.__name__ not in ACCELERATORS:
            self.__refuse__()
        return arguments[0] if arguments and callable(arguments[0]) else self

    def __refuse__(self, *_: Any) -> NoReturn:
        sentence = f"{self.__name__} is not there: {self.__reason__}"
        doubt(sentence)
        raise NotThere(sentence)

    def __inert__(self, *_: Any) -> "StandIn":
        """In annotations, `torch.Tensor | None`; what comes of it is a stand-in and refuses in turn."""
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        """Settings of a package that is missing: plt.rcParams["figure.figsize"] = ..."""

    __or__ = __ror__ = __getitem__ = __inert__
    __mro_entries__ = __instancecheck__ = __subclasscheck__ = __refuse__
    __bool__ = __len__ = __iter__ = __next__ = __contains__ = __enter__ = __exit__ = __index__ = __refuse__
    __array__ = __float__ = __int__ = __complex__ = __neg__ = __pos__ = __abs__ = __invert__ = __refuse__
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __refuse__
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __refuse__
    __and__ = __rand__ = __lt__ = __le__ = __gt__ = __ge__ = __refuse__


class NumPyAs(ModuleType):
    """CuPy where it is not there: NumPy computes in its place, which is what CuPy's names mean."""

    def __getattr__(self, name: str) -> Any:
        if name in ("cupyx", "cupy"):
            return NumPyAs(name)
        absent = StandIn(f"{self.__name__}.{name}", not_installed("cupy"))
        return CUPY.get(name, getattr(np, name, absent))


def same(full: str) -> Any | None:
    """What has the same value as a name that could not be imported; None where nothing has."""
    module, _, name = full.partition(".")
    if module in ("cupy", "cupyx"):
        return getattr(NumPyAs(module), name) if name else NumPyAs(module)
    return SAME.get(full)


def doubt(sentence: str) -> None:
    """Remember why the code may not be to blame for what is found while it runs."""
    if sentence not in _used:
        _used.append(sentence)


def used() -> tuple[str, ...]:
    """The doubts since this was last asked, what was refused among them: a verdict reached meanwhile is about them."""
    sentences = tuple(_used)
    _used.clear()
    return sentences


def not_installed(module: str) -> str:
    """That a package is missing, and how to get it where its name is known."""
    top = module.split(".")[0]
    if top in INSTALLED_AS or top in KNOWN:
        return f"{top} is not installed (pip install {INSTALLED_AS.get(top, top)})"
    return f"there is no module {module}, neither installed nor near the file"


def not_built(module: str, path: Path, root: Path) -> str | None:
    """That the module is one in Cython which nobody has compiled; None where there is no such source."""
    way = [folder for folder in path.parents if folder.is_relative_to(root)]
    parts = module.split(".")
    sources = [folder.joinpath(*parts[begin:]).with_suffix(".pyx") for folder in way for begin in range(len(parts))]
    if any(source.is_file() for source in sources):
        return f"{module} is written in Cython and not built (python setup.py build_ext --inplace)"
    return None
