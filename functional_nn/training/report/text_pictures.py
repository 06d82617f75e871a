"""What a run on text looks like beside its curves: where heads look, and which bytes are alike to the network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from functional_nn.training.report.pictures import save_figure

MOST_MAPS = 6
MOST_BYTES = 32
# Of rarer bytes the embeddings are still as they were drawn: they are nobody's neighbours.
LEARNED = 96
NEIGHBOURS = 6
NAMES = {9: "tab", 10: "newline", 13: "return", 32: "space"}


def byte_name(byte: int) -> str:
    """A byte as a person reads it."""
    return NAMES.get(byte) or (chr(byte) if 32 < byte < 127 else f"0x{byte:02x}")


def draw_attention(heads: Sequence[tuple[int, int, np.ndarray]], text: bytes, path: Path) -> None:
    """A map a head: a row is the byte after which the next is predicted, and dark columns are the bytes it looks at."""
    shown = heads[:MOST_MAPS]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(5.2 * columns, 5.4 * rows + 0.5), layout="constrained")
    figure.suptitle("what the sharpest head of each block looks at, in held-out text", fontsize=11)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    names = [byte_name(byte).replace("newline", "\\n").replace("space", "_") for byte in text]
    for axes, (block, head, weights) in zip(grid, shown, strict=False):
        axes.imshow(weights, cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
        axes.set_title(f"block {block}, head {head}", fontsize=9)
        axes.set_xticks(range(len(names)), names, fontsize=6, rotation=90)
        axes.set_yticks(range(len(names)), names, fontsize=6)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    save_figure(figure, path)


def draw_neighbours(table: np.ndarray, alphabet: bytes, counts: np.ndarray, path: Path) -> None:
    """The commonest bytes, and of each those whose embeddings point most nearly the same way, with the cosine."""
    learned = np.argsort(-counts, kind="stable")[:LEARNED]
    common = learned[:MOST_BYTES]
    figure = Figure(figsize=(11.0, 0.26 * len(common) + 1.0))
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.93))
    axes.set_axis_off()
    axes.set_title("bytes whose embeddings are alike (cosine)", fontsize=11)
    for line, token in enumerate(common.tolist()):
        height = 1.0 - (line + 1) / (len(common) + 1)
        axes.text(0.0, height, byte_name(alphabet[token]), family="monospace", fontsize=9, weight="bold")
        for place, (other, cosine) in enumerate(nearest(table, token, learned)):
            words = f"{byte_name(alphabet[other]):>8} {cosine:5.2f}"
            axes.text(0.12 + 0.15 * place, height, words, family="monospace", fontsize=8)
    save_figure(figure, path)


def nearest(table: np.ndarray, token: int, among: np.ndarray) -> list[tuple[int, float]]:
    """Of some tokens those whose embeddings have the largest cosine to that of a token, the nearest first."""
    lengths = np.maximum(np.linalg.norm(table, axis=-1), 1e-30)
    cosines = table @ table[token] / (lengths * lengths[token])
    others = [other for other in among[np.argsort(-cosines[among], kind="stable")].tolist() if other != token]
    return [(other, float(cosines[other])) for other in others[:NEIGHBOURS]]
