"""Kill a training run again and again, go on each time, and compare with the run that nothing happened to."""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

TRAIN = Path(__file__).with_name("train.py")
SAVED = ["--save-every", "7", "--keep", "3", "--average", "0.99"]
SMALL = ["--width", "16", "--heads", "2", "--layers", "1", "--hidden", "32", "--context", "32", "--epoch-steps", "45"]
CHOICES = {
    "digits": [*SAVED, "--model", "mlp", "--shift", "1"],
    # This script's own folder is the text: its last bytes judge, which takes no time.
    "text": [*SAVED, "--preset", "text", "--data-dir", str(TRAIN.parent), *SMALL],
}
FINISHED = "model.safetensors"
LONGEST_WAIT = 300.0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how often (%(default)s); every third aims at a save")
    parser.add_argument("--epochs", default="40", help="how long the run is (%(default)s)")
    latest = "a kill comes up to so many seconds after a run has said what it trains (%(default)s)"
    parser.add_argument("--latest", type=float, default=4.0, help=latest)
    parser.add_argument("--on", choices=CHOICES, default="digits", help="what the run learns (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (%(default)s)")
    chosen = parser.parse_args(argv)
    with TemporaryDirectory() as folder:
        moments = random.Random(chosen.seed)
        words = [*CHOICES[chosen.on], "--epochs", chosen.epochs]
        same = survive(Path(folder), words, chosen.kills, chosen.latest, moments)
    print("the final weights are the same, bit for bit" if same else "THE FINAL WEIGHTS DIFFER")
    return 0 if same else 1


def survive(folder: Path, choices: list[str], kills: int, latest: float, moments: random.Random) -> bool:
    """Whether a run that is killed so often ends with the weights of one that is not."""
    whole, killed = folder / "whole", folder / "killed"
    began = time.monotonic()
    subprocess.run([*train(*choices), "--output", whole], check=True, stdout=subprocess.DEVNULL)
    print(f"the run that nothing happens to took {time.monotonic() - began:.1f} s")
    done, inside_a_save = 0, 0
    while done < kills:
        in_a_save = done % 3 == 0
        if (killed / FINISHED).exists():  # it came through before it had been killed often enough: once more
            if not same_weights(whole, killed):
                return False
            killed.rename(folder / f"survived-{done}")
        words = ["--resume", killed] if killed.exists() else [*choices, "--output", killed]
        moment = kill_at_a_moment([*train(*words)], killed, latest, moments, in_a_save)
        if moment:
            done, inside_a_save = done + 1, inside_a_save + (moment == "inside a save")
            print(f"kill {done:>3}: {moment}, {saved_steps(killed)}")
    print(f"{done} kills, {inside_a_save} of them inside a save")
    subprocess.run([*train("--resume", killed)], check=True, stdout=subprocess.DEVNULL)
    return same_weights(whole, killed)


def train(*words: str | Path) -> list[str | Path]:
    """The command that trains; what is gone on with has its choices already."""
    return [sys.executable, TRAIN, *words]


def kill_at_a_moment(
    command: list[str | Path], run: Path, latest: float, moments: random.Random, in_a_save: bool
) -> str:
    """Start, kill -9 at some moment after the run's folder is there, and say when; nothing where it ended before."""
    partials = run / "checkpoints"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        time.sleep(moments.uniform(0.0, latest))
        if in_a_save:
            wait_for(lambda: process.poll() is not None or any(partials.glob(".*.partial")))
            time.sleep(moments.uniform(0.0, 0.08))
        if process.poll() is not None:
            return ""
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return "inside a save" if any(partials.glob(".*.partial")) else "between saves"
    finally:
        process.kill()
        process.communicate()


def wait_for(happened) -> None:
    """Look again and again, for a moment inside a save is short."""
    end = time.monotonic() + LONGEST_WAIT
    while not happened() and time.monotonic() < end:
        time.sleep(0.001)


def saved_steps(run: Path) -> str:
    """Which checkpoints are there."""
    steps = sorted(int(path.name) for path in (run / "checkpoints").glob("[0-9]*"))
    return f"checkpoints after steps {', '.join(map(str, steps))}" if steps else "no checkpoint yet"


def same_weights(one: Path, other: Path) -> bool:
    """Whether the weights of two runs are the same bytes."""
    return (one / FINISHED).read_bytes() == (other / FINISHED).read_bytes()


if __name__ == "__main__":
    sys.exit(main())
