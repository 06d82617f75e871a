"""Embedding layers and bags, CBOW with negative sampling, skip-gram, positions."""

import numpy as np

from ..case import Family, normal

family = Family("embedding")
W = {"W": "dW"}


class Embedding:
    """Rows of W; index 0 is padding and gives zeros."""

    def __init__(self, W):
        self.W = W

    def forward(self, idx):
        self.idx = idx
        return self.W[idx] * (idx != 0)[..., None]


def words(size, seed):
    return np.array([[2, 4, 0], [1, 2, 2], [4, 3, 0], [1, 0, 0]]), *normal(seed, (5, 6))


@family.whole("", "wrong backward", "layer", words, cause="not_accumulated", argument="W", gradients=W)
class RepeatedWordsOverwriteTheirRow(Embedding):
    def backward(self, dout):
        dW = np.zeros_like(self.W)
        dW[self.idx] = dout * (self.idx != 0)[..., None]
        self.dW = dW


@family.whole("", "wrong backward", "layer", words, cause="mask_missing", argument="W", gradients=W)
class PaddingRowTrained(Embedding):
    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.idx, dout)


@family.whole("", "wrong backward", "layer", words, cause="scaled_by_count", argument="W", gradients=W)
class RowsDividedByTheirFrequency(Embedding):
    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.idx, dout * (self.idx != 0)[..., None])
        self.dW /= np.maximum(np.bincount(self.idx.ravel(), minlength=len(self.W)), 1)[:, None]


@family.whole("", "wrong backward", "layer", words, cause="downcast", argument="W", gradients=W)
class GradientTableTakesTheIndexType(Embedding):
    def backward(self, dout):
        self.dW = np.zeros(self.W.shape, dtype=self.idx.dtype)
        for row in range(1, len(self.W)):
            self.dW[row] = dout[self.idx == row].sum(axis=0)


@family.whole("", "wrong backward", "layer", words, cause="part_missing", argument="W", gradients=W)
class LoopOverSentencesNotOverTheirWords(Embedding):
    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        for n in range(len(self.idx)):
            if self.idx[n, 0] != 0:
                self.dW[self.idx[n, 0]] += dout[n, 0]


class Bag:
    """Mean of the embeddings of the first `lengths` words of each row."""

    def __init__(self, W):
        self.W = W

    def forward(self, idx, lengths):
        self.idx, self.lengths = idx, lengths
        self.inside = np.arange(idx.shape[1]) < lengths[:, None]
        return (self.W[idx] * self.inside[..., None]).sum(axis=1) / lengths[:, None]


def bags(size, seed):
    return np.array([[2, 4, 1, 1], [1, 0, 2, 3], [4, 3, 0, 2]]), np.array([2, 4, 3]), *normal(seed, (5, 6))


BAG = {"inputs_of_layer": 2, "gradients": W}


@family.whole("", "wrong backward", "layer", bags, cause="scaled_by_count", argument="W", **BAG)
class BagDividedByItsPaddedLength(Bag):
    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        share = dout[:, None] * self.inside[..., None] / self.idx.shape[1]
        np.add.at(self.dW, self.idx, share)


@family.whole("", "wrong backward", "layer", bags, cause="mask_missing", argument="W", **BAG)
class WordsBehindTheEndGetAShare(Bag):
    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        share = (dout / self.lengths[:, None])[:, None]
        np.add.at(self.dW, self.idx, np.broadcast_to(share, (*self.idx.shape, share.shape[-1])))


@family.whole("", "wrong backward", "layer", bags, cause="wrong_index", argument="W", **BAG)
class GradientsScatteredByRankOfWord(Bag):
    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        share = dout[:, None] * self.inside[..., None] / self.lengths[:, None, None]
        np.add.at(self.dW, np.sort(self.idx, axis=1), share)


def sigmoid(u):
    return 1 / (1 + np.exp(-u))


class CBOW:
    """Mean of two context words against one positive and three negative words."""

    def __init__(self, W_in, W_out):
        self.W_in, self.W_out = W_in, W_out

    def loss(self, contexts, target, negative):
        self.h = self.W_in[contexts].mean(axis=1)
        self.words = np.column_stack([target, negative])
        self.labels = np.zeros(self.words.shape)
        self.labels[:, 0] = 1
        self.y = sigmoid(np.einsum("nd,nkd->nk", self.h, self.W_out[self.words]))
        return -np.sum(np.where(self.labels == 1, np.log(self.y), np.log(1 - self.y))) / len(target)

    def scores(self):
        return (self.y - self.labels) / len(self.y)

    def output_table(self, ds):
        dW = np.zeros_like(self.W_out)
        np.add.at(dW, self.words, ds[..., None] * self.h[:, None])
        return dW

    def input_table(self, contexts, dh):
        dW = np.zeros_like(self.W_in)
        for c in contexts.T:
            np.add.at(dW, c, dh / contexts.shape[1])
        return dW


def corpus(size, seed):
    contexts, target = np.array([[0, 2], [3, 5], [2, 2], [4, 0]]), np.array([1, 4, 3, 2])
    return contexts, target, np.array([[3, 5, 0], [1, 1, 2], [0, 5, 4], [5, 3, 1]]), *normal(seed, (6, 3), (6, 3))


NEG = {"inputs_of_layer": 3, "gradients": {"W_in": "W_in", "W_out": "W_out"}}


@family.whole("", "wrong backward", "network", corpus, cause="sign", argument="W_in W_out", **NEG)
class NegativeWordsPulledCloser(CBOW):
    def gradient(self, contexts, target, negative):
        self.loss(contexts, target, negative)
        ds = self.scores()
        ds[:, 1:] = -self.y[:, 1:] / len(target)
        dh = np.einsum("nk,nkd->nd", ds, self.W_out[self.words])
        return {"W_in": self.input_table(contexts, dh), "W_out": self.output_table(ds)}


@family.whole("", "wrong backward", "network", corpus, cause="scaled_by_count", argument="W_in", **NEG)
class ContextMeanTreatedAsSum(CBOW):
    def gradient(self, contexts, target, negative):
        self.loss(contexts, target, negative)
        ds = self.scores()
        dh = np.einsum("nk,nkd->nd", ds, self.W_out[self.words])
        dW_in = np.zeros_like(self.W_in)
        np.add.at(dW_in, contexts, dh[:, None])
        return {"W_in": dW_in, "W_out": self.output_table(ds)}


@family.whole("", "wrong backward", "network", corpus, cause="part_missing", argument="W_in", **NEG)
class HiddenGradientOfPositiveWordOnly(CBOW):
    def gradient(self, contexts, target, negative):
        self.loss(contexts, target, negative)
        ds = self.scores()
        dh = ds[:, :1] * self.W_out[target]
        return {"W_in": self.input_table(contexts, dh), "W_out": self.output_table(ds)}


@family.whole("", "wrong backward", "network", corpus, cause="arguments_swapped", argument="W_in W_out", **NEG)
class TablesInEachOthersPlace(CBOW):
    def gradient(self, contexts, target, negative):
        self.loss(contexts, target, negative)
        ds = self.scores()
        dh = (ds[..., None] * self.W_out[self.words]).sum(axis=1)
        return {"W_out": self.input_table(contexts, dh), "W_in": self.output_table(ds)}


@family.whole("", "wrong backward", "network", corpus, cause="wrong_operand", argument="W_out", **NEG)
class OutputRowsLearnFromOneContextWord(CBOW):
    def gradient(self, contexts, target, negative):
        self.loss(contexts, target, negative)
        ds = self.scores()
        dh = np.einsum("nk,nkd->nd", ds, self.W_out[self.words])
        self.h = self.W_in[contexts[:, 0]]
        return {"W_in": self.input_table(contexts, dh), "W_out": self.output_table(ds)}


class SkipGram:
    """A centre word predicts each of three context words with a full softmax."""

    def __init__(self, E, U):
        self.E, self.U = E, U

    def loss(self, centre, context):
        self.h = self.E[centre]
        z = self.h @ self.U
        self.p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -np.log(np.take_along_axis(self.p, context, axis=1)).sum() / len(centre)


def pairs(size, seed):
    return np.array([1, 4, 1, 0]), np.array([[0, 2, 3], [3, 3, 2], [0, 4, 2], [1, 3, 4]]), *normal(seed, (5, 3), (3, 6))


SKIP = {"inputs_of_layer": 2, "gradients": {"E": "E", "U": "U"}}


@family.whole("", "wrong backward", "network", pairs, cause="scaled_by_count", argument="E U", **SKIP)
class ProbabilitiesNotTimesContextWords(SkipGram):
    def gradient(self, centre, context):
        self.loss(centre, context)
        dz = self.p - np.eye(6)[context].sum(axis=1)
        dz /= len(centre)
        dE = np.zeros_like(self.E)
        np.add.at(dE, centre, dz @ self.U.T)
        return {"E": dE, "U": self.h.T @ dz}


@family.whole("", "wrong backward", "network", pairs, cause="wrong_index", argument="E", **SKIP)
class CentreGradientGivenToAContextWord(SkipGram):
    def gradient(self, centre, context):
        self.loss(centre, context)
        dz = (context.shape[1] * self.p - np.eye(6)[context].sum(axis=1)) / len(centre)
        dE = np.zeros_like(self.E)
        np.add.at(dE, context[:, 0], dz @ self.U.T)
        return {"E": dE, "U": self.h.T @ dz}


class Positioned:
    """Scaled word vectors plus position vectors, where position 0 is kept for a class token."""

    def __init__(self, E, P):
        self.E, self.P = E, P

    def forward(self, idx):
        self.idx, self.pos = idx, np.arange(idx.shape[1]) + 1
        return self.E[idx] * np.sqrt(self.E.shape[1]) + self.P[self.pos]


def positions(size, seed):
    return np.array([[1, 2, 0, 4], [3, 1, 1, 2], [0, 3, 4, 4]]), *normal(seed, (5, 7), (6, 7))


EP = {"gradients": {"E": "dE", "P": "dP"}}


@family.whole("", "wrong backward", "layer", positions, cause="shifted", argument="P", **EP)
class PositionsCountedFromZero(Positioned):
    def backward(self, dout):
        self.dE, self.dP = np.zeros_like(self.E), np.zeros_like(self.P)
        np.add.at(self.dE, self.idx, dout * np.sqrt(dout.shape[2]))
        self.dP[: dout.shape[1]] = dout.sum(axis=0)


@family.whole("", "wrong backward", "layer", positions, cause="not_accumulated", argument="P", **EP)
class PositionRowsTakeTheLastSentence(Positioned):
    def backward(self, dout):
        self.dE, self.dP = np.zeros_like(self.E), np.zeros_like(self.P)
        for sentence, d in zip(self.idx, dout, strict=True):
            for word, position, row in zip(sentence, self.pos, d, strict=True):
                self.dE[word] += row * np.sqrt(len(row))
                self.dP[position] = row


@family.whole("", "wrong backward", "layer", positions, cause="scaled_by_count", argument="E", **EP)
class WordScaleOfWidthWithoutRoot(Positioned):
    def backward(self, dout):
        self.dE, self.dP = np.zeros_like(self.E), np.zeros_like(self.P)
        np.add.at(self.dE, self.idx, dout * self.E.shape[1])
        np.add.at(self.dP, np.tile(self.pos, (len(dout), 1)), dout)
