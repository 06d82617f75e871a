"""Layers that read sequences: how far a gradient gets back through time, what gates do, and attention word by word."""

import numpy as np
from matplotlib.figure import Figure

from reference import softmax
from reference.activations import sigmoid
from reference.linear import embedding_bwd, embedding_fwd
from reference.recurrent import lstm_bwd, lstm_fwd, rnn_bwd, rnn_fwd

from .canvas import BLUE, GREEN, INK, MUTED, ORANGE, PAPER, PURPLE, RED, Say, picture
from .graphs import written
from .marks import arrow, board, box, cells, logarithmic, note, unit

STEPS = 20
TURN = np.array([[0.6, 0.8], [-0.8, 0.6]])  # leaves lengths as they are
WEIGHTS = (np.array([[1.0, -1.0]]), np.zeros(2))
SIGNAL = (np.arange(float(STEPS)) % 3 - 1).reshape(1, STEPS, 1)


def back_through_rnn(x: np.ndarray, scale: float) -> list[float]:
    """The length of the gradient of the last state to the one so many steps before, from 0 to all of them."""
    kernel, bias = WEIGHTS
    weights = kernel, scale * TURN, bias
    start, seed = np.zeros((1, 2)), np.array([[0.6, 0.8]])
    outputs = rnn_fwd(x, start, *weights)[0][0]
    states = np.concatenate([start[:, None], outputs], axis=1)
    found = [1.0]
    for k in range(1, STEPS + 1):
        saved = rnn_fwd(x[:, STEPS - k :], states[:, STEPS - k], *weights)[1]
        found.append(float(np.linalg.norm(rnn_bwd(saved, (np.zeros((1, k, 2)), seed))[1])))
    return found


def back_through_cell(forget: float) -> list[float]:
    """The same for the cell of an LSTM whose forget gate stays at one value."""
    zero, one, found = np.zeros((1, 1)), np.ones((1, 1)), [1.0]
    bias = np.array([0.0, np.log(forget / (1 - forget)), 0.0, 0.0])
    for k in range(1, STEPS + 1):
        saved = lstm_fwd(np.zeros((1, k, 1)), zero, one, np.zeros((1, 4)), np.zeros((1, 4)), bias)[1]
        found.append(float(lstm_bwd(saved, (np.zeros((1, k, 1)), zero, one))[2].item()))
    return found


@picture(560, 320)
def gradient_through_time(figure: Figure, say: Say) -> None:
    """Four networks, twenty steps back."""
    axes, silence = figure.subplots(), np.zeros((1, STEPS, 1))
    lines = [
        (back_through_rnn(silence, 1.5), RED, say("RNN、U = 1.5 R", "RNN, U = 1.5 R")),
        (back_through_cell(0.99), BLUE, say("LSTM のセル、f = 0.99", "LSTM cell, f = 0.99")),
        (back_through_rnn(SIGNAL, 1.0), GREEN, say("RNN、U = R、入力あり", "RNN, U = R, with inputs")),
        (back_through_rnn(silence, 0.5), ORANGE, say("RNN、U = 0.5 R", "RNN, U = 0.5 R")),
    ]
    for sizes, color, words in lines:
        axes.plot(range(STEPS + 1), sizes, color=color)
        note(axes, STEPS + 0.4, sizes[-1], words, color, ha="left")
    logarithmic(axes, "y", range(-6, 4, 2))
    axes.set(xlim=(0, STEPS + 10), xticks=range(0, STEPS + 1, 5), xlabel=say("戻った時刻の数", "steps back"))
    axes.set_ylabel(say("勾配の長さ", "length of the gradient"))
    axes.grid(visible=True)


# The cell of the page `lstm`: an input is (value, write?, keep?, read?).
MEMORY = np.array([[1, 1, -1, -1], [-1, -1, 1, -1], [-1, -1, 1, -1], [-1, -1, 1, -1], [0, -1, 1, 1]], dtype=float)
OPEN = np.log(99.0)
GATES = np.array([[0, 0, 1, 0], [OPEN, 0, 0, 0], [0, OPEN, 0, 0], [0, 0, 0, OPEN]])


def memory() -> dict[str, np.ndarray]:
    """Step by step: the gates, the cell, the output, and the gradient of the last output to the value read."""
    zero, weights = np.zeros((1, 1)), (GATES, np.full((1, 4), 0.1), np.zeros(4))
    (outputs, _, _), saved = lstm_fwd(MEMORY[None], zero, zero, *weights)
    last = np.zeros((1, 5, 1))
    last[0, -1] = 1
    x_ct = lstm_bwd(saved, (last, zero, zero))[0]
    cell = [lstm_fwd(MEMORY[None, :k], zero, zero, *weights)[0][2].item() for k in range(1, 6)]
    before = np.concatenate([np.zeros((1, 1)), outputs[0, :-1]])
    i, f, _, o = sigmoid(MEMORY @ GATES + before @ weights[1]).T
    gates = {"v": MEMORY[:, 0], "i": i, "f": f, "o": o}
    return gates | {"c": np.array(cell), "h": outputs[0, :, 0], "v_ct": x_ct[0, :, 0]}


@picture(560, 370)
def lstm_memory(figure: Figure, say: Say) -> None:
    """A table: five steps across, and down what comes in, the gates, the cell, the output, and what comes back."""
    axes, found, size = board(figure, 560, 370), memory(), 42
    names = {
        "v": say("入力の値", "value that comes in"),
        "i": say("入力ゲート i", "input gate i"),
        "f": say("忘却ゲート f", "forget gate f"),
        "o": say("出力ゲート o", "output gate o"),
        "c": say("セル c", "cell c"),
        "h": say("出力 h", "output h"),
        "v_ct": say("最後の h の勾配", "gradient of the last h"),
    }
    for row, (name, words) in enumerate(names.items()):
        top = 46 + size * row
        largest = 0.4 if name == "v_ct" else 1.5
        cells(axes, found[name][None], 210, top, size, largest=largest)
        note(axes, 198, top + size / 2, words, RED if name == "v_ct" else INK, ha="right")
    steps = [say("書く", "write"), say("保つ", "keep"), say("読む", "read")]
    for column, words in ((0, steps[0]), (2, steps[1]), (4, steps[2])):
        note(axes, 210 + size * (column + 0.5), 14, words, MUTED)
    for column in range(5):
        note(axes, 210 + size * (column + 0.5), 34, f"t = {column + 1}", MUTED, fontsize=9.5)


# The three words and the query of the page `attention`.
WORDS = np.array([[0.0, 4.0], [1.0, 0.0], [0.0, 8.0]])
QUERY = np.array([np.log(2.0), 0.0])


@picture(600, 300)
def attention_steps(figure: Figure, say: Say) -> None:
    """Three words, their scores, their weights, and the weighted sum, from left to right."""
    axes = board(figure, 600, 300)
    scores = WORDS @ QUERY
    weights = softmax(scores)
    for row in range(3):
        y = 78 + 72 * row
        cells(axes, WORDS[row : row + 1], 70, y - 19, 38, largest=12)
        note(axes, 36, y, f"v{'₁₂₃'[row]}", fontsize=12)
        arrow(axes, (152, y), (204, y), MUTED, linewidth=1.2)
        note(axes, 232, y, "log 2" if scores[row] else "0", ORANGE, fontsize=12)
        arrow(axes, (260, y), (304, y), MUTED, linewidth=1.2)
        box(axes, 312, y - 11, 120 * weights[row], 22, facecolor=BLUE, alpha=0.45, linewidth=0)
        note(axes, 312 + 120 * weights[row] + 22, y, written(weights[row]), BLUE, fontsize=12)
        arrow(axes, (412, y), (486, 150 + (y - 150) * 0.25), MUTED, linewidth=1.2)
    cells(axes, (weights @ WORDS)[None], 496, 131, 38, largest=12)
    note(axes, 108, 30, say("単語のベクトル", "the words’ vectors"))
    note(axes, 232, 30, say("スコア", "scores"), ORANGE)
    note(axes, 352, 30, say("重み(和は1)", "weights (sum 1)"), BLUE)
    note(axes, 534, 30, say("重みつき和", "weighted sum"))
    note(axes, 534, 196, "c", fontsize=12)
    note(axes, 232, 280, say("クエリ q = (log 2, 0) との内積", "products with the query q = (log 2, 0)"), MUTED)


@picture(710, 250)
def transformer_stream(figure: Figure, say: Say) -> None:
    """The stream of vectors from left to right, the two branches above it, and the gradient's way straight back."""
    axes = board(figure, 710, 250)
    axes.plot([92, 584], [178, 178], color=BLUE, linewidth=5, alpha=0.5, solid_capstyle="butt")
    boxes = [(8, 158, 84, say("埋め込み", "embedding")), (576, 158, 56, say("正規化", "norm"))]
    boxes += [(648, 158, 56, say("スコア", "scores")), (152, 30, 150, say("アテンション A", "attention A"))]
    boxes.append((384, 30, 150, say("フィードフォワード F", "feed-forward F")))
    for left, top, width, words in boxes:
        box(axes, left, top, width, 40, edgecolor=INK, facecolor=PAPER, linewidth=1.4, zorder=3)
        note(axes, left + width / 2, top + 20, words, fontsize=10, zorder=4)
    arrow(axes, (632, 178), (648, 178), BLUE)
    for left, join in ((120, 320), (352, 552)):
        axes.plot([left, left, left + 12], [178, 50, 50], color=MUTED, linewidth=1.3)
        arrow(axes, (left + 10, 50), (left + 32, 50), MUTED, linewidth=1.3)
        axes.plot([join - 18, join, join], [50, 50, 150], color=MUTED, linewidth=1.3)
        arrow(axes, (join, 150), (join, 168), MUTED, linewidth=1.3)
        unit(axes, join, 178, 9, "+")
    note(axes, 108, 140, "x", BLUE, fontsize=12)
    arrow(axes, (574, 216), (96, 216), RED, linewidth=1.6)
    note(axes, 335, 236, say("勾配の素通りの道", "the gradient’s way straight back"), RED)


# The table, the sentence and the gradient of the page `embedding`.
TABLE = np.array([[1.0, 0, 2], [0, 3, 1], [2, 2, 0], [4, 4, 1]])
SENTENCE = np.array([2, 0, 2])
ARRIVING = np.array([[1.0, 0, -1], [0, 2, 0], [3, 1, 1]])


@picture(660, 260)
def embedding_rows(figure: Figure, say: Say) -> None:
    """The table, the rows looked up for each place, the gradients that arrive there, and the table's gradient."""
    axes, size = board(figure, 660, 260), 34
    looked_up, saved = embedding_fwd(SENTENCE, TABLE)
    table_ct = embedding_bwd(saved, ARRIVING)[1]
    colors = (BLUE, GREEN, PURPLE)
    cells(axes, TABLE, 34, 60, size, largest=12)
    cells(axes, table_ct, 544, 60, size, largest=8)
    for place, (word, color) in enumerate(zip(SENTENCE, colors, strict=True)):
        top = 52 + 55 * place
        cells(axes, looked_up[place : place + 1], 214, top, size, largest=12)
        cells(axes, ARRIVING[place : place + 1], 364, top, size, largest=8)
        arrow(axes, (138, 77 + size * word), (208, top + 17), color, linewidth=1.4)
        arrow(axes, (468, top + 17), (538, 77 + size * word), color, linewidth=1.4)
        note(axes, 340, top + 17, f"w{'₁₂₃'[place]} = {word}", color, fontsize=10)
    for row in range(4):
        note(axes, 20, 77 + size * row, str(row), MUTED)
    note(axes, 85, 32, say("表 W", "table W"))
    note(axes, 265, 32, say("引いた行 h", "rows looked up, h"))
    note(axes, 415, 32, say("届いた勾配", "gradients"), RED)
    note(axes, 595, 32, say("表の勾配", "table’s gradient"), RED)
    note(axes, 505, 228, say("同じ行に来たら、足す", "into one row: add"), RED)


def paths(steps: int = 3) -> np.ndarray:
    """How many paths lead to each state (blank, label, blank) at each step, each the sum of those it comes from."""
    counts = np.zeros((steps, 3))
    counts[0, :2] = 1
    for t in range(1, steps):
        counts[t] = counts[t - 1] + np.concatenate([[0], counts[t - 1, :2]])
    return counts


@picture(520, 290)
def ctc_paths(figure: Figure, say: Say) -> None:
    """A grid: a number is the sum of those that its arrows come from; the last two make six."""
    axes, counts = board(figure, 520, 290), paths()
    for t in range(3):
        for s in range(3):
            x, y, last = 190 + 110 * t, 60 + 75 * s, t == 2 and s > 0
            unit(axes, x, y, 21, str(int(counts[t, s])), RED if last else INK)
            if t:
                arrow(axes, (x - 87, y), (x - 24, y), MUTED, linewidth=1.2)
            if t and s:
                arrow(axes, (x - 92, y - 62), (x - 20, y - 14), MUTED, linewidth=1.2)
    for s, words in enumerate((say("空白", "blank"), say("「あ」", "“a”"))):
        note(axes, 100, 60 + 75 * s, words)
    note(axes, 100, 210, say("空白", "blank"))
    for t in range(3):
        note(axes, 190 + 110 * t, 18, f"t = {t + 1}", MUTED)
    note(axes, 474, 172, f"{int(counts[-1, 1])} + {int(counts[-1, 2])} = {int(counts[-1, 1:].sum())}", RED, fontsize=12)
    note(axes, 300, 266, say("点の数は、そこまでの経路の数", "a number is that of the paths to its place"), MUTED)
