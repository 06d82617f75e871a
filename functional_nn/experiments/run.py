"""Run an experiment: train its parts, then draw the picture that compares them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import tyro

from functional_nn.experiments.attention import ATTENTION
from functional_nn.experiments.batch_normalization import BATCH_NORMALIZATION
from functional_nn.experiments.experiment import Arm, Experiment, Rows, ranked
from functional_nn.experiments.hyperparameters import HYPERPARAMETERS
from functional_nn.experiments.initializations import INITIALIZATIONS
from functional_nn.experiments.optimizers import OPTIMIZERS
from functional_nn.experiments.overfitting import OVERFITTING
from functional_nn.experiments.study import Figures, Study
from functional_nn.experiments.vanishing_gradients import VANISHING_GRADIENTS
from functional_nn.training.choices.config import KINDS, ImagesName, TrainConfig
from functional_nn.training.choices.legal import validate
from functional_nn.training.choices.saved import read_description
from functional_nn.training.choices.values import did_you_mean, flag_of
from functional_nn.training.endings import BadInput, heeding_signals
from functional_nn.training.kept.folder import create, require_free, write_json
from functional_nn.training.run.many import SUMMARY, train_parts

EXPERIMENTS: dict[str, Experiment] = {
    "optimizers": OPTIMIZERS,
    "initializations": INITIALIZATIONS,
    "batch-normalization": BATCH_NORMALIZATION,
    "overfitting": OVERFITTING,
    "hyperparameters": HYPERPARAMETERS,
}
STUDIES: dict[str, Study] = {"vanishing-gradients": VANISHING_GRADIENTS, "attention": ATTENTION}
PICTURE = "picture.png"


@dataclass(frozen=True)
class ExperimentConfig:
    """Run one of the textbook's experiments, which ends in a picture."""

    experiment: tyro.conf.Positional[str]
    """optimizers, initializations, batch-normalization, overfitting, hyperparameters; vanishing-gradients, attention.
    The last two make their own data, are over within a minute or two, and take --seed and --output alone."""
    dataset: ImagesName = "digits"
    """Which images; digits come with scikit-learn, the others are IDX files."""
    data_dir: Path | None = None
    """Folder with the four IDX files (plain or gzipped); auto is $FUNCTIONAL_NN_DATA, the cache or Debian's folder."""
    epochs: int | None = None
    """How many times each run sees its training images; auto fits the experiment."""
    batch_size: int = 32
    """How many images make one step."""
    seed: int = 0
    """Seed of the weights and the order of the images, the same in each run."""
    output: Path | None = None
    """Folder of the experiment, must not exist; auto is runs/EXPERIMENT-TIME."""
    resume: Path | None = None
    """Go on with the experiment in this folder, begun with the same choices."""


@heeding_signals()
def run(config: ExperimentConfig, train: Callable[[TrainConfig], Rows]) -> tuple[Path, dict[str, Arm]]:
    """Train the parts in a folder each, draw `picture.png`, write `summary.json`.

    Args:
        config: which experiment, on which images.
        train: trains one part, and gives what was measured after each epoch.

    Returns:
        The folder, and each part with its figures.

    Raises:
        BadInput: a folder that exists, or one to go on with that is of other choices.
        Interrupted: a signal ended a part; what it had learned was saved.
    """
    experiment = EXPERIMENTS[config.experiment]
    if KINDS.get(config.dataset) not in (None, "images"):
        raise BadInput(f"experiment {config.experiment} is on images; got --dataset {config.dataset}")
    parts = experiment.arms(base_of(config, experiment))
    for part in parts.values():
        validate(part)
    folder = _begin(config)
    again = f"functional-nn experiment {config.experiment} --resume {folder}"
    rows = train_parts(folder, parts, train, again)
    arms = {name: Arm(parts[name], rows[name]) for name in parts}
    experiment.draw(arms, folder / PICTURE)
    write_json(folder / SUMMARY, summary(experiment, arms))
    return folder, arms


def run_study(config: ExperimentConfig, study: Study) -> tuple[Path, Figures]:
    """Measure, and then make the folder: the figures in `summary.json`, and `picture.png`.

    Args:
        config: which study, with which seed.
        study: the same.

    Returns:
        The folder, and the figures.

    Raises:
        BadInput: a folder that exists, or a choice that a study does not leave open.
    """
    open_to_choice = ("experiment", "seed", "output")
    for field in fields(config):
        if field.name not in open_to_choice and getattr(config, field.name) != field.default:
            rule = "makes its own data, begins anew each time, and takes --seed and --output alone"
            raise BadInput(f"experiment {config.experiment} {rule}; got {flag_of(field.name)}")
    folder = _folder(config)
    require_free(folder)
    figures = study.measure(config.seed)
    create(folder, {name: getattr(config, name) for name in open_to_choice[:2]})
    write_json(folder / SUMMARY, {"question": study.question, **figures})
    study.draw(figures, folder / PICTURE)
    return folder, figures


def named(name: str) -> Experiment | Study:
    """The experiment of a name; BadInput, with the names, where there is none."""
    known = tuple(EXPERIMENTS | STUDIES)
    if name not in known:
        raise BadInput(f"there is no experiment {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}")
    return (EXPERIMENTS | STUDIES)[name]


def base_of(config: ExperimentConfig, experiment: Experiment) -> TrainConfig:
    """What all parts have in common."""
    return TrainConfig(
        dataset=config.dataset,
        data_dir=config.data_dir,
        epochs=experiment.epochs if config.epochs is None else config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
    )


def summary(experiment: Experiment, arms: Mapping[str, Arm]) -> dict[str, object]:
    """The question, and what each part reached, the best first."""
    accuracies = {name: arm.test_accuracy for name, arm in ranked(arms).items()}
    return {"question": experiment.question, "accuracies": accuracies}


def _begin(config: ExperimentConfig) -> Path:
    chosen = {name: value for name, value in asdict(config).items() if name not in ("output", "resume", "data_dir")}
    if config.resume is None:
        folder = _folder(config)
        create(folder, chosen)
        return folder
    saved = read_description(config.resume, f"--resume {config.resume}")
    if differing := [name for name, value in chosen.items() if saved.get(name, value) != value or name not in saved]:
        differences = ", ".join(f"{name} {saved.get(name)} there and {chosen[name]} here" for name in differing)
        raise BadInput(f"--resume {config.resume} goes on as it began: {differences}")
    return config.resume


def _folder(config: ExperimentConfig) -> Path:
    return config.output or Path("runs") / f"{config.experiment}-{time.strftime('%Y%m%d-%H%M%S')}"
