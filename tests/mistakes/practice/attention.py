"""Several heads, relative places, rotations, linear attention and a transformer's block (catalogue 110 to 113)."""

import numpy as np

from ..case import Family, Kind, sized

family = Family("recurrent_attention")


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# x (N, L, D), Q, K, V, P (D, D): two heads, no step sees later ones
HEADS = sized(((2, 3, 4), *[(4, 4)] * 4), ((4, 7, 12), *[(12, 12)] * 4))


class Heads:
    """What is wrong is in the methods below it."""

    def __init__(self, Q, K, V, P):
        self.Q, self.K, self.V, self.P = Q, K, V, P

    def split(self, a):
        return a.reshape(*a.shape[:2], 2, -1).transpose(0, 2, 1, 3)

    def joined(self, a):
        n, h, t, d = a.shape
        return a.transpose(0, 2, 1, 3).reshape(n, t, h * d)

    def scores(self, q, k):
        s = np.einsum("nhid,nhjd->nhij", q, k) / np.sqrt(q.shape[-1])
        return np.where(np.tri(s.shape[-1], dtype=bool), s, -np.inf)

    def forward(self, x):
        self.x, (self.q, self.k, self.v) = x, (self.split(x @ W) for W in (self.Q, self.K, self.V))
        self.p = softmax(self.scores(self.q, self.k))
        self.y = self.joined(self.p @ self.v)
        return self.y @ self.P

    def backward(self, g):
        self.dP = np.einsum("nti,ntj->ij", self.met(), g)
        dy = self.split(g @ self.P.T)
        dp = dy @ self.v.swapaxes(-1, -2)
        ds = self.through(dp) / np.sqrt(self.q.shape[-1])
        dq, dk, dv = ds @ self.k, self.to_keys(ds), self.to_values(dy)
        dq, dk, dv = self.together(dq), self.together(dk), self.together(dv)
        self.dQ, self.dK, self.dV = (np.einsum("nti,ntj->ij", self.x, d) for d in (dq, dk, dv))
        return self.entering(dq, dk, dv)

    def met(self):
        return self.y

    def through(self, dp):
        return self.p * (dp - (dp * self.p).sum(axis=-1, keepdims=True))

    def to_keys(self, ds):
        return ds.swapaxes(-1, -2) @ self.q

    def to_values(self, dy):
        return self.p.swapaxes(-1, -2) @ dy

    def together(self, a):
        return self.joined(a)

    def entering(self, dq, dk, dv):
        return dq @ self.Q.T + dk @ self.K.T + dv @ self.V.T


SLOTS = {"Q": "dQ", "K": "dK", "V": "dV", "P": "dP"}


def heads(number, argument, cause, kind: Kind = "wrong backward"):
    return family.whole(number, kind, "layer", HEADS, gradients=SLOTS, argument=argument, cause=cause)


@heads(66, "x Q K V", "reordered")
class HeadsJoinedAsTheyLie(Heads):
    def together(self, a):
        return a.reshape(self.x.shape)


@heads(6, "x V", "not_transposed")
class ValuesByTheWeightsAsTheyStand(Heads):
    def to_values(self, dy):
        return self.p @ dy


@heads(6, "x K", "not_transposed")
class KeysByTheScoresAsTheyStand(Heads):
    def to_keys(self, ds):
        return ds @ self.q


@heads(104, "x K", "wrong_operand")
class KeysMeetThemselves(Heads):
    def to_keys(self, ds):
        return ds.swapaxes(-1, -2) @ self.k


@heads(12, "x", "use_dropped")
class InputThroughTheQueriesOnly(Heads):
    def entering(self, dq, dk, dv):
        return dq @ self.Q.T


@heads(13, "x", ("wrong_operand", "arguments_swapped"))
class InputThroughTheOthersMatrices(Heads):
    def entering(self, dq, dk, dv):
        return dk @ self.Q.T + dq @ self.K.T + dv @ self.V.T


@heads(104, "P", "wrong_operand")
class OutputMatrixMeetsTheInput(Heads):
    def met(self):
        return self.x


@heads(88, "x Q K", "coupled_over_wrong_axis")
class CompetitionAmongQueries(Heads):
    def through(self, dp):
        return self.p * (dp - (dp * self.p).sum(axis=-2, keepdims=True))


@heads(32, "x Q K", "diagonal_only")
class NoCompetition(Heads):
    def through(self, dp):
        return self.p * (1 - self.p) * dp


@heads("", "", (), "control")
class HeadsAsTheyAre(Heads):
    pass


# Scores with a bias for each distance: q, k, v (L, D), r (2L - 1,)
PLACES = sized(((5, 3), (5, 3), (5, 3), (9,)), ((12, 8), (12, 8), (12, 8), (23,)))


def distance(length):
    return np.arange(length)[:, None] - np.arange(length) + length - 1


def placed(q, k, v, r):
    return softmax(q @ k.T + r[distance(len(q))]) @ v


def placed_back(g, q, k, v, r, into):
    p = softmax(q @ k.T + r[distance(len(q))])
    dp = g @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    dr = np.zeros_like(r)
    into(dr, distance(len(q)), ds)
    return ds @ k, ds.T @ q, p.T @ g, dr


@family.wrong(100, placed, PLACES, argument="r", cause=("repeated_index_dropped", "overlap_dropped"))
def distances_assigned(g, q, k, v, r):
    def into(dr, index, ds):
        dr[index] += ds

    return placed_back(g, q, k, v, r, into)


@family.wrong(60, placed, PLACES, argument="r", cause="flipped")
def distances_counted_from_the_other_end(g, q, k, v, r):
    return placed_back(g, q, k, v, r, lambda dr, index, ds: np.add.at(dr, index.T, ds))


# Rotated pairs of features: q, k (L, D); the scores
TURNED = sized(((3, 4), (5, 4)), ((12, 8), (10, 8)))


def rotate(a, way=1):
    half = a.shape[1] // 2
    angle = way * np.arange(len(a))[:, None] * 0.7 / (1 + np.arange(half))
    u, v = a[:, :half], a[:, half:]
    return np.concatenate([u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)], axis=1)


def rotated_scores(q, k):
    return rotate(q) @ rotate(k).T


@family.wrong(6, rotated_scores, TURNED, argument="q k", cause=("not_transposed", "sign"))
def rotated_on_and_on(g, q, k):
    return rotate(g @ rotate(k)), rotate(g.T @ rotate(q))


@family.wrong(
    43, rotated_scores, TURNED, argument="q", cause=("derivative_missing", "identity", "not_transposed", "mask_missing")
)
def queries_not_rotated_back(g, q, k):
    return g @ rotate(k), rotate(g.T @ rotate(q), -1)


@family.wrong(104, rotated_scores, TURNED, argument="k", cause=("wrong_operand", "derivative_missing"))
def keys_meet_the_unrotated_queries(g, q, k):
    return rotate(g @ rotate(k), -1), rotate(g.T @ q, -1)


# Attention without a softmax: q, k (L, D), v (L, E)
LINEAR = sized(((5, 3), (5, 3), (5, 4)), ((12, 6), (12, 6), (12, 8)))


def linear(q, k, v):
    a, b = np.exp(q), np.exp(k)
    return (a @ (b.T @ v)) / (a @ b.sum(axis=0))[:, None]


def linear_back(g, q, k, v, through=True, keys=True):
    a, b = np.exp(q), np.exp(k)
    below = (a @ b.sum(axis=0))[:, None]
    y = (a @ (b.T @ v)) / below
    d = g / below
    e = -(d * y).sum(axis=1, keepdims=True) * through
    da = d @ (b.T @ v).T + e * b.sum(axis=0)
    db = v @ (a.T @ d).T + (a * e).sum(axis=0) * keys
    return da * a, db * b, b @ (a.T @ d)


@family.wrong(
    32, linear, LINEAR, argument="q k", cause=("sum_term_missing", "diagonal_only", "statistics_as_constants")
)
def what_it_is_divided_by_taken_as_fixed(g, q, k, v):
    return linear_back(g, q, k, v, through=False)


@family.wrong(12, linear, LINEAR, argument="k", cause=("use_dropped", "sum_term_missing"))
def keys_without_their_part_below(g, q, k, v):
    return linear_back(g, q, k, v, keys=False)


# The block behind the attention: x (N, L, D), W (D, H), V (H, D)
BLOCK = sized(((2, 3, 4), (4, 5), (5, 4)), ((4, 7, 8), (8, 16), (16, 8)))


def block(x, W, V):
    z = x @ W
    return x + z / (1 + np.exp(-1.702 * z)) @ V


def block_back(g, x, W, V, skip=True, slope=None):
    z = x @ W
    s = 1 / (1 + np.exp(-1.702 * z))
    dz = (g @ V.T) * (s + 1.702 * z * s * (1 - s) if slope is None else slope(z, s))
    return g * skip + dz @ W.T, np.einsum("nld,nlh->dh", x, dz), np.einsum("nlh,nld->hd", z * s, g)


def feed(number, argument, cause):
    return family.wrong(number, block, BLOCK, argument=argument, cause=cause)


@feed(112, "x", "skip_dropped")
def block_without_its_skip(g, x, W, V):
    return block_back(g, x, W, V, skip=False)


@feed(43, "x W", ("sum_term_missing", "use_dropped"))
def swish_with_its_gate_fixed(g, x, W, V):
    return block_back(g, x, W, V, slope=lambda z, s: s)


@feed(49, "x W", ("static_ignored", "scaled", "sum_term_missing"))
def swish_of_another_steepness(g, x, W, V):
    return block_back(g, x, W, V, slope=lambda z, s: s + z * s * (1 - s))
