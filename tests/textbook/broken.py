"""The same layers, each with one mistake that people really make."""

# Textbooks start attributes at None and fill them in forward; a type checker does not see that.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false, reportOperatorIssue=false
# pyright: reportOptionalSubscript=false, reportArgumentType=false
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import numpy as np
from layers import (
    Affine,
    BatchNormalization,
    Convolution,
    Dropout,
    Pooling,
    Relu,
    Sigmoid,
    SoftmaxWithLoss,
    TwoLayerNet,
    im2col,
)


class ReluInPlace(Relu):
    def backward(self, dout):
        dout[self.mask] = 0
        return dout


class ReluMaskOfUpstream(Relu):
    def backward(self, dout):
        return dout * (dout > 0)


class SigmoidTwice(Sigmoid):
    def backward(self, dout):
        again = 1 / (1 + np.exp(-self.out))
        return dout * (1.0 - again) * again


class SigmoidWithoutUpstream(Sigmoid):
    def backward(self, dout):
        return (1.0 - self.out) * self.out


class AffineMeanBias(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.db = np.mean(dout, axis=0)
        return dx


class AffineForgetsBias(Affine):
    def forward(self, x):
        self.original_x_shape = x.shape
        self.x = x.reshape(x.shape[0], -1)
        return np.dot(self.x, self.W)


class AffineAccumulates(Affine):
    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = (0 if self.dW is None else self.dW) + np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx.reshape(self.original_x_shape)


class SoftmaxWithLossNotDivided(SoftmaxWithLoss):
    def backward(self, dout=1):
        return super().backward(dout) * self.t.shape[0]


class DropoutWithoutMask(Dropout):
    def backward(self, dout):
        return dout


class BatchNormalizationConstantVariance(BatchNormalization):
    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxc = self.gamma * dout / self.std
        return dxc - dxc.mean(axis=0)


class BatchNormalizationForgetsGamma(BatchNormalization):
    def backward(self, dout):
        return super().backward(dout) / self.gamma


class ConvolutionFlipsKernel(Convolution):
    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = self.dW[:, :, ::-1, ::-1]
        return dx


class ConvolutionAssigns(Convolution):
    """Overlapping windows overwrite each other's gradients instead of adding up."""

    def backward(self, dout):
        super().backward(dout)
        filters, _, filter_h, filter_w = self.W.shape
        rows = dout.transpose(0, 2, 3, 1).reshape(-1, filters)
        dcol = np.dot(rows, self.col_W.T)
        n, c, h, w = self.x.shape
        out_h, out_w = dout.shape[2:]
        dcol = dcol.reshape(n, out_h, out_w, c, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)
        padded = np.zeros((n, c, h + 2 * self.pad, w + 2 * self.pad))
        for y in range(filter_h):
            for x in range(filter_w):
                ends = y + self.stride * out_h, x + self.stride * out_w
                padded[:, :, y : ends[0] : self.stride, x : ends[1] : self.stride] = dcol[:, :, y, x]
        return padded[:, :, self.pad : self.pad + h, self.pad : self.pad + w]


class PoolingNearTies(Pooling):
    def backward(self, dout):
        col = im2col(self.x, self.pool_h, self.pool_w, self.stride, self.pad).reshape(-1, self.pool_h * self.pool_w)
        winners = np.abs(col - col.max(axis=1, keepdims=True)) <= 0.1
        rows = winners * dout.transpose(0, 2, 3, 1).reshape(-1, 1)
        dx = np.zeros_like(self.x)
        n, c, out_h, out_w = dout.shape
        rows = rows.reshape(n, out_h, out_w, c, self.pool_h, self.pool_w)
        for y in range(out_h):
            for x in range(out_w):
                top, left = y * self.stride, x * self.stride
                dx[:, :, top : top + self.pool_h, left : left + self.pool_w] += rows[:, y, x]
        return dx


class TwoLayerNetDoubledBias(TwoLayerNet):
    def gradient(self, x, t):
        grads = super().gradient(x, t)
        grads["b1"] = grads["b1"] * 2
        return grads
