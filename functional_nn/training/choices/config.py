"""What can be chosen about a run, and what is taken when nothing is said. Imports no JAX."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

Model = Literal["mlp", "simple_convnet", "deep_convnet", "vgg", "resnet", "transformer", "lstm_lm", "seq2seq"]
ImagesName = Literal["digits", "mnist", "fashion-mnist"]
DatasetName = Literal["digits", "mnist", "fashion-mnist", "text", "addition", "dates"]
Kind = Literal["images", "text", "questions"]  # what data sets hold
OptimizerName = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "muon"]
Precision = Literal["float32", "bfloat16", "float16"]
Activation = Literal["relu", "sigmoid", "tanh"]
Initializer = Literal[
    "normal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform"
]
PresetName = Literal["digits", "fashion-mnist", "fashion-mnist-fast", "mnist", "text", "addition", "dates"]
# Of a network, stage by stage, the number of filters of each convolution, or block: ((32, 32), (64, 64), (128,)).
Filters = tuple[tuple[int, ...], ...]
Hidden = tuple[int, ...]

# Peak of the schedule, by a coarse grid on a part held out of the digits' training images (docs/training.md); of muon,
# as on Fashion-MNIST (docs/recipes.md).
LEARNING_RATES: dict[str, float] = {
    "sgd": 0.2,
    "momentum": 0.05,
    "nesterov": 0.05,
    "adagrad": 0.1,
    "rmsprop": 0.005,
    "adam": 0.005,
    "adamw": 0.005,
    "muon": 0.02,
}
ADAMW_DECAY = 0.01
KINDS: dict[DatasetName, Kind] = {"digits": "images", "mnist": "images", "fashion-mnist": "images", "text": "text"}
KINDS |= {"addition": "questions", "dates": "questions"}
# The networks that can learn from a kind of data.
MODELS: dict[Kind, tuple[Model, ...]] = {
    "images": ("mlp", "simple_convnet", "deep_convnet", "vgg", "resnet"),
    "text": ("transformer", "lstm_lm"),
    "questions": ("seq2seq",),
}
# What each network lets one choose about itself, and what it is where nothing is said: the defaults of the model. The
# context of an lstm_lm is that of its examples: it has no longest one itself.
DRAWN = {"initializer": "he_normal"}
READS = {"width": 128, "layers": 4, "context": 256, "tied": False}
SIZES: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": (100, 50), "activation": "relu", "batch_norm": False, "dropout_rate": 0.0} | DRAWN,
    "simple_convnet": {"filters": ((30,),), "hidden": (100,)} | DRAWN,
    "deep_convnet": {"filters": ((16,), (32,), (64,)), "hidden": (50,), "dropout_rate": 0.5} | DRAWN,
    "vgg": {"filters": ((32, 32), (64, 64), (128,)), "dropout_rate": 0.0} | DRAWN,
    "resnet": {"filters": ((32, 32), (64, 64), (128, 128))} | DRAWN,
    "transformer": READS | {"hidden": (344,), "heads": 4, "key_heads": None},
    "lstm_lm": READS | {"hidden": (256,), "layers": 1, "dropout_rate": 0.0, "initializer": "lecun_normal"},
    "seq2seq": {"width": 32, "hidden": (128,), "initializer": "lecun_normal"},
}


@dataclass(frozen=True)
class TrainConfig:
    """Train a network on images or text and keep everything about the run in one folder."""

    preset: PresetName = "digits"
    """Which choices hold where no other flag says otherwise."""
    model: Model = "simple_convnet"
    """Which network."""
    filters: Filters | None = None
    """How many filters each convolution has, 32-32,64-64,128 for three stages of a vgg, or each block of a resnet;
    auto is the network's own."""
    hidden: Hidden | None = None
    """How wide each hidden layer is, 100,50 for two of an mlp, one number for others; auto is the network's own."""
    width: int | None = None
    """How many features a transformer, an lstm_lm or a seq2seq has for each token; auto is the network's own."""
    heads: int | None = None
    """How many heads of attention each block of a transformer has; they divide the width."""
    key_heads: int | None = None
    """How many heads have keys and values of their own, the others share them; auto is all."""
    layers: int | None = None
    """How many blocks a transformer has, or layers an lstm_lm; auto is the network's own."""
    context: int | None = None
    """How many bytes of text are read at once; auto is 256."""
    tied: bool = False
    """Let the table of a transformer's or an lstm_lm's embedding serve as its last layer too."""
    activation: Activation | None = None
    """What stands behind each hidden layer of an mlp; auto is relu."""
    batch_norm: bool = False
    """Normalize each hidden layer of an mlp by its batch."""
    initializer: Initializer | None = None
    """How kernels are drawn before they learn; auto is he_normal, which suits relu, or lecun_normal where an
    lstm reads."""
    dropout_rate: float | None = None
    """Share of the units that dropout leaves out in a step of training; auto is the network's own."""
    dataset: DatasetName = "digits"
    """Which images; digits come with scikit-learn, the others are IDX files. Or text; or generated questions:
    numbers to add, dates to write as ISO 8601 has them."""
    data_dir: Path | None = None
    """Folder with the four IDX files (plain or gzipped); auto is $FUNCTIONAL_NN_DATA, the cache or Debian's folder.
    Of text a file, or a folder of files, in UTF-8; auto is the source of Python's standard library."""
    download: bool = False
    """Fetch the files that are missing into --data-dir, or into the user's cache."""
    hold_out: int = 0
    """Judge by so many training examples, held out, instead of the test set: for choosing hyperparameters."""
    learn_from: int = 0
    """Learn from so many training examples only, always the same ones; 0 is all."""
    epochs: int = 30
    """How many times every training example is seen, or --epoch-steps are taken; each time the network is judged."""
    epoch_steps: int | None = None
    """How many steps an epoch has; auto is as many as it takes to see every example."""
    batch_size: int = 32
    """How many images, or windows of text, make one step."""
    accumulate: int = 1
    """In how many parts, one after the other, a batch goes through the network: less memory, the same step."""
    steps_per_call: int = 1
    """How many steps are one call of the compiled program: faster on a GPU, slower on a CPU."""
    precision: Precision = "float32"
    """In which dtype the network computes; parameters, sums and loss stay in float32."""
    optimizer: OptimizerName = "adamw"
    """Which update rule."""
    learning_rate: float | None = None
    """Peak of the learning rate, after warm-up and before the cosine; auto fits the optimizer."""
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises, from 0 to 1."""
    weight_decay: float | None = None
    """How strongly weights are drawn to 0; auto is 0.01 for adamw and 0 for the others."""
    clip_norm: float | None = None
    """Largest norm of the gradient, a longer one is shortened to it; auto is no limit."""
    label_smoothing: float = 0.1
    """How much of the target is spread over all classes, from 0 to below 1."""
    average: float = 0.0
    """Judge and keep the moving average of the weights with this decay, 0.999 for example; 0 is none."""
    shift: int = 0
    """Shift each training image by up to so many pixels in each direction, at random."""
    flip: bool = False
    """Mirror training images left and right, at random."""
    cutout: int = 0
    """Blacken a square of so many pixels in each training image, at random."""
    seed: int = 0
    """Seed of the weights, the order and the variation of the examples, and dropout."""
    seeds: int = 1
    """Train with so many seeds one after the other, from --seed on, and show the mean and the spread."""
    output: Path | None = None
    """Run folder, must not exist; auto is runs/DATASET-MODEL-TIME."""
    resume: Path | None = None
    """Go on with the run in this folder as if it had never ended; its choices are taken from there."""
    save_every: int | None = None
    """Save after so many steps; auto is once a minute. The end of a run and Ctrl-C save too."""
    keep: int = 2
    """How many of the newest checkpoints stay."""
    keep_every: float | None = None
    """Of the older checkpoints one stays every so many minutes; auto is none."""
    verify_every: int = 0
    """Compare the gradients of the first step and of every so many with the NumPy twin's by hand; 0 is never."""
    tensorboard: bool = False
    """Write figures and histograms of each epoch as TensorBoard events too."""
    profile: bool = False
    """Record what the device does in some of the first steps, and the share of its measured peak."""
    devices: int = 0
    """Over how many devices each batch is split; 0 is all that there are."""
    mesh: str | None = None
    """Layout of the devices: data=4,fsdp=2 splits large parameters in 2, and has 4 of each part; auto splits none."""
    coordinator: str | None = None
    """HOST:PORT at which process 0 of several awaits the others; auto is alone, or as SLURM or a Cloud TPU says."""
    process_id: int | None = None
    """Which of the processes this is, from 0 on."""
    process_count: int | None = None
    """How many processes there are; 1 is alone, whatever SLURM or a Cloud TPU says."""

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate asked for, or the one that fits the optimizer."""
        return LEARNING_RATES[self.optimizer] if self.learning_rate is None else self.learning_rate

    @property
    def decay(self) -> float:
        """The weight decay asked for, or the one that fits the optimizer."""
        if self.weight_decay is not None:
            return self.weight_decay
        return ADAMW_DECAY if self.optimizer == "adamw" else 0.0

    @property
    def sizes(self) -> dict[str, Any]:
        """What the network lets one choose about itself: what was asked for, or its own."""
        own = SIZES[self.model]
        return {name: value if getattr(self, name) is None else getattr(self, name) for name, value in own.items()}

    @property
    def settled(self) -> "TrainConfig":
        """The same choices, with the values that were taken where nothing was said."""
        return replace(self, learning_rate=self.peak_learning_rate, weight_decay=self.decay, **self.sizes)
