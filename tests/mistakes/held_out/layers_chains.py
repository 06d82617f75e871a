"""Chains: a recurrence in both directions, a conditional random field, returns, a covariance, padded sequences."""

import numpy as np

from ..case import Family, normal, sized

family = Family("recurrent")


class BiRNN:
    """Two recurrences without input weights, one from each end; their states stand side by side."""

    def __init__(self, A, B):
        self.A, self.B = A, B

    @staticmethod
    def run(xs, M):
        hs = [np.zeros_like(xs[:, 0])]
        for t in range(xs.shape[1]):
            hs.append(np.tanh(xs[:, t] + hs[-1] @ M))
        return np.stack(hs, axis=1)

    @staticmethod
    def back(hs, M, dhs):
        dxs, dM, dh = np.zeros_like(dhs), np.zeros_like(M), 0
        for t in reversed(range(dhs.shape[1])):
            dxs[:, t] = (dhs[:, t] + dh) * (1 - hs[:, t + 1] ** 2)
            dM += hs[:, t].T @ dxs[:, t]
            dh = dxs[:, t] @ M.T
        return dxs, dM

    def forward(self, xs):
        self.left, self.right = self.run(xs, self.A), self.run(xs[:, ::-1], self.B)
        return np.concatenate([self.left[:, 1:], self.right[:, 1:][:, ::-1]], axis=2)


BOTH = sized(*[((2, 4, 3), (3, 3), (3, 3))] * 2)
AB = {"gradients": {"A": "dA", "B": "dB"}}


@family.whole("", "wrong backward", "layer", BOTH, cause="flipped", argument="xs B", **AB)
class CotangentOfSecondDirectionNotReversed(BiRNN):
    def backward(self, dout):
        d1, d2 = np.split(dout, 2, axis=2)
        dx1, self.dA = self.back(self.left, self.A, d1)
        dx2, self.dB = self.back(self.right, self.B, d2)
        return dx1 + dx2[:, ::-1]


@family.whole("", "wrong backward", "layer", BOTH, cause="wrong_index", argument="xs B", **AB)
class BothDirectionsReadTheFirstHalf(BiRNN):
    def backward(self, dout):
        H = self.A.shape[0]
        dx1, self.dA = self.back(self.left, self.A, dout[:, :, :H])
        dx2, self.dB = self.back(self.right, self.B, dout[:, ::-1, :H])
        return dx1 + dx2[:, ::-1]


@family.whole("", "wrong backward", "layer", BOTH, cause="term_missing", argument="xs", **AB)
class SecondDirectionReachesOnlyItsWeight(BiRNN):
    def backward(self, dout):
        d1, d2 = np.split(dout, 2, axis=2)
        dx, self.dA = self.back(self.left, self.A, d1)
        _, self.dB = self.back(self.right, self.B, d2[:, ::-1])
        return dx


@family.whole("", "wrong backward", "layer", BOTH, cause="arguments_swapped", argument="A B", **AB)
class TransitionsOfTheDirectionsExchanged(BiRNN):
    def backward(self, dout):
        d1, d2 = np.split(dout, 2, axis=2)
        dx1, self.dB = self.back(self.left, self.A, d1)
        dx2, self.dA = self.back(self.right, self.B, d2[:, ::-1])
        return dx1 + dx2[:, ::-1]


class CRF:
    """Negative log-likelihood of a linear-chain field: emissions from x @ W, transitions from tag to tag."""

    def __init__(self, W, trans):
        self.W, self.trans = W, trans

    @staticmethod
    def lse(z, axis):
        top = z.max(axis=axis, keepdims=True)
        return np.log(np.exp(z - top).sum(axis=axis)) + top.squeeze(axis)

    def loss(self, x, tags):
        e = x @ self.W
        alpha = [e[0]]
        for t in range(1, len(e)):
            alpha.append(self.lse(alpha[-1][:, None] + self.trans, 0) + e[t])
        self.e, self.alpha, self.log_z = e, np.array(alpha), self.lse(alpha[-1], 0)
        return self.log_z - e[np.arange(len(e)), tags].sum() - self.trans[tags[:-1], tags[1:]].sum()

    def expectations(self):
        e, beta = self.e, np.zeros_like(self.e)
        for t in range(len(e) - 2, -1, -1):
            beta[t] = self.lse(self.trans + e[t + 1] + beta[t + 1], 1)
        unary = np.exp(self.alpha + beta - self.log_z)
        pair = self.alpha[:-1, :, None] + self.trans + (e + beta)[1:, None, :] - self.log_z
        return unary, np.exp(pair)


def tagged(size, seed):
    x, W, trans = normal(seed, (6, 4), (4, 3), (3, 3))
    return x, np.array([0, 2, 2, 1, 0, 2]), W, trans


FIELD = {"inputs_of_layer": 2, "gradients": {"W": "W", "trans": "trans"}, "family": "losses"}


@family.whole("", "wrong backward", "network", tagged, cause="not_accumulated", argument="trans", **FIELD)
class TransitionSeenTwiceSubtractedOnce(CRF):
    def gradient(self, x, tags):
        self.loss(x, tags)
        unary, pair = self.expectations()
        dtrans = pair.sum(axis=0)
        dtrans[tags[:-1], tags[1:]] -= 1
        return {"W": x.T @ (unary - np.eye(3)[tags]), "trans": dtrans}


@family.whole("", "wrong backward", "network", tagged, cause="transposed", argument="trans", **FIELD)
class ExpectedTransitionsFromNextToPrevious(CRF):
    def gradient(self, x, tags):
        self.loss(x, tags)
        unary, pair = self.expectations()
        dtrans = np.einsum("tij->ji", pair)
        np.add.at(dtrans, (tags[:-1], tags[1:]), -1)
        return {"W": x.T @ (unary - np.eye(3)[tags]), "trans": dtrans}


@family.whole("", "wrong backward", "network", tagged, cause="shifted", argument="trans", **FIELD)
class ObservedTransitionsTwoApart(CRF):
    def gradient(self, x, tags):
        self.loss(x, tags)
        unary, pair = self.expectations()
        dtrans = pair.sum(axis=0)
        followers = np.roll(tags, -2)[: len(tags) - 1]
        np.subtract.at(dtrans, (tags[:-1], followers), 1)
        return {"W": x.T @ (unary - np.eye(3)[tags]), "trans": dtrans}


class Returns:
    """Discounted returns R[t] = r[t] + 0.9 R[t + 1] along time."""

    gamma = 0.9

    def forward(self, r):
        R = r.copy()
        for t in range(r.shape[1] - 2, -1, -1):
            R[:, t] += self.gamma * R[:, t + 1]
        return R


REWARDS = sized(((3, 7),), ((3, 7),))


@family.whole("", "wrong backward", "layer", REWARDS, cause="flipped", argument="r", family="composites")
class ReturnGradientsSummedFromTheEnd(Returns):
    def backward(self, dR):
        dr = dR.copy()
        for t in reversed(range(dR.shape[1] - 1)):
            dr[:, t] += self.gamma * dr[:, t + 1]
        return dr


@family.whole("", "wrong backward", "layer", REWARDS, cause="static_ignored", argument="r", family="composites")
class DiscountRateDefaultsToOne(Returns):
    def backward(self, dR, gamma=1.0):
        T = dR.shape[1]
        powers = np.subtract.outer(np.arange(T), np.arange(T))
        return dR @ np.tril(gamma ** np.maximum(powers, 0)).T


class Covariance:
    """Prediction of a Kalman filter: P' = F P F^T + Q, two steps."""

    def __init__(self, F):
        self.F = F

    def forward(self, P):
        self.P = P
        self.P1 = self.F @ P @ self.F.T + np.eye(len(P))
        return self.F @ self.P1 @ self.F.T + np.eye(len(P))

    def step(self, P, d):
        return d @ self.F @ P.T + d.T @ self.F @ P, self.F.T @ d @ self.F


STATE = sized(((4, 4), (4, 4)), ((4, 4), (4, 4)))
F = {"gradients": {"F": "dF"}, "family": "composites"}


@family.whole("", "wrong backward", "layer", STATE, cause="elementwise_product", argument="P F", **F)
class OuterTransitionMultipliedEntrywise(Covariance):
    def backward(self, dout):
        dF2, _ = self.step(self.P1, dout)
        dP1 = self.F.T @ dout * self.F
        dF1, dP = self.step(self.P, dP1)
        self.dF = dF1 + dF2
        return dP


@family.whole("", "wrong backward", "layer", STATE, cause="term_missing", argument="F", **F)
class TransitionTakenAsConstantOnTheRight(Covariance):
    def backward(self, dout):
        dP1 = self.F.T @ dout @ self.F
        self.dF = dout @ self.F @ self.P1.T + dP1 @ self.F @ self.P.T
        return self.F.T @ dP1 @ self.F


@family.whole("", "wrong backward", "layer", STATE, cause="transposed", argument="P F", **F)
class CovarianceGradientPushedForward(Covariance):
    def backward(self, dout):
        dF2, _ = self.step(self.P1, dout)
        dP1 = self.F @ dout @ self.F.T
        dF1, dP = self.step(self.P, dP1)
        self.dF = dF1 + dF2
        return dP


class PaddedRNN:
    """Final state of a tanh recurrence that stands still behind the end of each sequence; squared error."""

    def __init__(self, W):
        self.W = W

    def loss(self, x, lengths, y):
        self.hs = [np.zeros_like(x[:, 0])]
        self.inside = (np.arange(x.shape[1]) < lengths[:, None])[:, :, None]
        for t in range(x.shape[1]):
            m, h = self.inside[:, t], self.hs[-1]
            self.hs.append(np.where(m, np.tanh(x[:, t] + h @ self.W), h))
        self.error = self.hs[-1] - y
        return np.sum(self.error**2)


def padded(size, seed):
    x, y, W = normal(seed, (4, 5, 3), (4, 3), (3, 3))
    return x, np.array([5, 3, 2, 4]), y, W


PAD = {"inputs_of_layer": 3, "constants": ("x", "y"), "gradients": {"W": "W"}, "family": "networks"}


@family.whole("", "wrong backward", "network", padded, cause="mask_wrong", argument="W", **PAD)
class EndOfSequenceOneStepTooLate(PaddedRNN):
    def gradient(self, x, lengths, y):
        self.loss(x, lengths, y)
        dh, dW = 2 * self.error, np.zeros_like(self.W)
        for t in reversed(range(x.shape[1])):
            m = (t <= lengths)[:, None]
            dz = np.where(m, dh * (1 - self.hs[t + 1] ** 2), 0)
            dW += self.hs[t].T @ dz
            dh = np.where(m, dz @ self.W.T, dh)
        return {"W": dW}


@family.whole("", "wrong backward", "network", padded, cause="time_not_carried", argument="W", **PAD)
class FinishedSequencesPassNothingOn(PaddedRNN):
    def gradient(self, x, lengths, y):
        self.loss(x, lengths, y)
        dh, dW = 2 * self.error, np.zeros_like(self.W)
        for t in reversed(range(x.shape[1])):
            dz = dh * self.inside[:, t] * (1 - self.hs[t + 1] ** 2)
            dW += self.hs[t].T @ dz
            dh = dz @ self.W.T
        return {"W": dW}
