"""The sizes in which every op is timed: one table."""

from dataclasses import dataclass
from types import SimpleNamespace

DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class Op:
    """An op to time, its value and its gradients, in one of its sizes and in one dtype."""

    op: str
    size: tuple[int, ...]
    dtype: str = "float32"

    @property
    def sizes(self) -> SimpleNamespace:
        """The numbers by their names."""
        return SimpleNamespace(**dict(zip(SIZES[self.op].names, self.size, strict=True)))

    @property
    def shape(self) -> str:
        """The size in the words of its table."""
        return SIZES[self.op].words.format(**vars(self.sizes)).replace(", stride 1", "").replace(", 1 groups", "")

    @property
    def name(self) -> str:
        """What --only looks in."""
        return f"{self.op} {self.shape}" + (f", {self.dtype}" if self.dtype != "float32" else "")


@dataclass(frozen=True)
class Sizes:
    """How a size of an op reads, and the sizes: numbers in the order of `names`."""

    names: tuple[str, ...]
    words: str
    values: tuple[tuple[int, ...], ...]


def _sizes(words: str, *values: tuple[int, ...]) -> Sizes:
    """The names are those in the words, each at its first place."""
    names = dict.fromkeys(part.split("}")[0] for part in words.split("{")[1:])
    return Sizes(tuple(names), words, values)


_ENTRIES = _sizes("{batch}x{pixels}x{pixels}x{channels}", (1, 224, 16), (32, 28, 64), (128, 28, 16))
_ROWS = _sizes("{batch}x{classes}", (1, 1024), (32, 1024), (128, 64), (1024, 128))
_FEATURES = _sizes("{batch}x{width}", (1, 1024), (32, 1024), (128, 784))
_TOKENS = _sizes("{batch}x{length}x{width}", (1, 128, 1024), (32, 128, 256), (128, 32, 64))
_IMAGES = _sizes("{batch}x{pixels}x{pixels}x{channels}", (1, 56, 256), (32, 32, 64), (128, 28, 32))
_RECURRENT = _sizes("{batch}x{length}x{width} to {hidden}", (1, 64, 256, 256), (32, 64, 128, 128), (128, 28, 64, 64))
_POOLED = _sizes(
    "{batch}x{pixels}x{pixels}x{channels}, {window}x{window}, stride {strides}",
    (1, 224, 64, 2, 2),
    (32, 56, 64, 3, 2),
    (128, 28, 16, 2, 2),
)

SIZES: dict[str, Sizes] = {
    **dict.fromkeys(("sigmoid", "log_sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus"), _ENTRIES),
    **dict.fromkeys(("silu", "gelu", "step"), _ENTRIES),
    **dict.fromkeys(("softmax", "log_softmax"), _ROWS),
    **dict.fromkeys(("sum_of_squares_error", "mean_squared_error", "huber_loss"), _FEATURES),
    **dict.fromkeys(("sigmoid_binary_cross_entropy", "binary_cross_entropy"), _FEATURES),
    **dict.fromkeys(("cross_entropy_error", "softmax_cross_entropy", "kl_divergence"), _ROWS),
    "linear_softmax_cross_entropy": _sizes(
        "{rows}x{width} to {classes}", (128, 1024, 1024), (1024, 64, 8192), (1024, 256, 8192)
    ),
    "ctc_loss": _sizes("{batch}x{steps}x{classes}, {labels} labels", (1, 128, 64, 32), (32, 128, 32, 32)),
    "dense": _sizes("{batch}x{inputs} to {outputs}", (1, 1024, 1024), (32, 784, 128), (128, 1024, 1024)),
    "embedding": _sizes(
        "{batch}x{length} of {rows}x{width}", (1, 128, 8192, 1024), (32, 128, 96, 128), (32, 128, 8192, 256)
    ),
    "conv": _sizes(
        "{batch}x{pixels}x{pixels}x{channels} to {filters}, {window}x{window}, stride {strides}, {groups} groups",
        (1, 224, 3, 64, 7, 2, 1),
        (1, 56, 64, 64, 3, 1, 1),
        (32, 32, 64, 64, 3, 1, 1),
        (32, 28, 64, 128, 3, 2, 1),
        (32, 28, 64, 64, 3, 1, 64),
        (128, 28, 1, 32, 5, 1, 1),
    ),
    "conv_transpose": _sizes(
        "{batch}x{pixels}x{pixels}x{channels} to {filters}, {window}x{window}, stride {strides}",
        (1, 56, 64, 64, 2, 2),
        (32, 28, 64, 32, 4, 2),
        (128, 14, 32, 16, 2, 2),
    ),
    **dict.fromkeys(("max_pool", "avg_pool"), _POOLED),
    **dict.fromkeys(("batch_norm", "batch_norm_inference"), _IMAGES),
    "group_norm": _sizes(
        "{batch}x{pixels}x{pixels}x{channels}, {groups} groups", (1, 56, 256, 32), (32, 32, 64, 8), (128, 28, 32, 8)
    ),
    **dict.fromkeys(("layer_norm", "rms_norm", "glu", "dropout"), _TOKENS),
    "rotary_embedding": _sizes(
        "{batch}x{length}x{heads}x{head_dim}", (1, 1024, 16, 64), (32, 128, 4, 32), (128, 32, 4, 16)
    ),
    "attention": _sizes("{batch}x{length}x{heads}x{head_dim}", (1, 1024, 16, 64), (32, 128, 4, 32), (128, 32, 4, 16)),
    **dict.fromkeys(("rnn", "lstm", "gru"), _RECURRENT),
    "linear_recurrence": _sizes("{batch}x{length}x{width}", (1, 256, 1024), (32, 128, 256), (128, 32, 64)),
}

# Those that stand beside the networks where not every op is asked for: each in its second size.
CHOSEN = ("conv", "max_pool", "avg_pool", "dense", "batch_norm", "layer_norm", "softmax_cross_entropy", "gelu")
CHOSEN += ("attention", "embedding", "lstm", "linear_softmax_cross_entropy")


def every() -> tuple[Op, ...]:
    """Every op in every size and dtype."""
    return tuple(Op(op, size, dtype) for op, sizes in SIZES.items() for size in sizes.values for dtype in DTYPES)


def chosen(dtypes: tuple[str, ...]) -> tuple[Op, ...]:
    """A size of those that networks are made of."""
    return tuple(Op(op, SIZES[op].values[1], dtype) for op in CHOSEN for dtype in dtypes)
