"""The flags of `train`: each reaches the configuration, and is shown by its help."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from functional_nn import cli
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.flags import parse

# Every flag with a value that is not its default, and what the configuration then holds.
FLAGS = {
    "--model mlp": "mlp",
    "--filters 8-8,16": ((8, 8), (16,)),
    "--hidden 20,10": (20, 10),
    "--width 48": 48,
    "--heads 6": 6,
    "--key-heads 3": 3,
    "--layers 3": 3,
    "--context 96": 96,
    "--tied": True,
    "--activation tanh": "tanh",
    "--batch-norm": True,
    "--initializer lecun_normal": "lecun_normal",
    "--dropout-rate 0.3": 0.3,
    "--dataset mnist": "mnist",
    "--data-dir d": Path("d"),
    "--download": True,
    "--hold-out 4": 4,
    "--learn-from 50": 50,
    "--epochs 2": 2,
    "--epoch-steps 11": 11,
    "--batch-size 6": 6,
    "--accumulate 3": 3,
    "--steps-per-call 5": 5,
    "--precision bfloat16": "bfloat16",
    "--optimizer sgd": "sgd",
    "--learning-rate 0.5": 0.5,
    "--warmup 0.3": 0.3,
    "--weight-decay 0.02": 0.02,
    "--clip-norm 1.5": 1.5,
    "--label-smoothing 0.2": 0.2,
    "--average 0.9": 0.9,
    "--shift 1": 1,
    "--flip": True,
    "--cutout 3": 3,
    "--seed 6": 6,
    "--seeds 2": 2,
    "--output out": Path("out"),
    "--save-every 7": 7,
    "--keep 3": 3,
    "--keep-every 2.5": 2.5,
    "--verify-every 8": 8,
    "--tensorboard": True,
    "--profile": True,
    "--devices 6": 6,
    "--mesh data=2,fsdp=3": "data=2,fsdp=3",
    "--coordinator here:9": "here:9",
    "--process-id 1": 1,
    "--process-count 2": 2,
}
ELSEWHERE = {"resume", "preset"}  # tests/training/test_resume.py, tests/training/test_presets.py
CHOSEN: dict[str, Any] = {flag.split()[0][2:].replace("-", "_"): value for flag, value in FLAGS.items()}


def test_no_flag_is_left_out_of_these_tests() -> None:
    chosen_here = [field for field in fields(TrainConfig) if field.name not in ELSEWHERE]
    assert list(CHOSEN) == [field.name for field in chosen_here]
    assert all(CHOSEN[field.name] != field.default for field in chosen_here)


def test_every_flag_reaches_the_configuration() -> None:
    assert parse([word for flag in FLAGS for word in flag.split()]) == TrainConfig(**CHOSEN)
    assert parse([]) == TrainConfig()
    assert parse(["--learning-rate", "auto", "--output", "auto", "--data-dir", "auto"]) == TrainConfig()


def test_help_shows_every_flag_and_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--help"]) == 0
    # Long choices are broken over lines, within a frame.
    out = "".join(capsys.readouterr().out.replace("│", "").split())
    flags = [f"--{field.name.replace('_', '-')}" for field in fields(TrainConfig)]
    missing = [
        word
        for word in [
            *flags,
            "{mlp,simple_convnet,deep_convnet,vgg,resnet,transformer,lstm_lm,seq2seq}",
            "rmsprop",
            "fashion",
        ]
        if word not in out
    ]
    assert missing == []
