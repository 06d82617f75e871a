"""Submissions in Triton as a kernel author writes them: a softmax, and a matrix product."""

SOFTMAX = """
import torch
import triton
import triton.language as tl


@triton.jit
def softmax_fwd_kernel(X, Y, stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    mask = cols < n_cols
    x = tl.load(X + row * stride + cols, mask=mask, other=-float("inf")).to(tl.float32)
    num = tl.exp(x - tl.max(x, axis=0))
    tl.store(Y + row * stride + cols, num / tl.sum(num, axis=0), mask=mask)


@triton.jit
def softmax_bwd_kernel(Y, DY, DX, stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    mask = cols < n_cols
    y = tl.load(Y + row * stride + cols, mask=mask, other=0.0).to(tl.float32)
    dy = tl.load(DY + row * stride + cols, mask=mask, other=0.0).to(tl.float32)
    tl.store(DX + row * stride + cols, y * (dy - tl.sum({along}, axis=0)), mask=mask)


class FusedSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        shape = x.shape
        x = x.contiguous().view(-1, shape[-1])
        y = torch.empty_like(x)
        n_rows, n_cols = x.shape
        softmax_fwd_kernel[(n_rows,)](x, y, x.stride(0), n_cols, BLOCK=triton.next_power_of_2(n_cols))
        ctx.save_for_backward(y)
        return y.view(shape)

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        shape = dy.shape
        dy = dy.contiguous().view(-1, shape[-1])
        dx = torch.empty_like(y)
        n_rows, n_cols = y.shape
        softmax_bwd_kernel[(n_rows,)](y, dy, dx, y.stride(0), n_cols, BLOCK=triton.next_power_of_2(n_cols))
        return dx.view(shape)


if __name__ == "__main__":
    x = torch.randn(128, 781, device="cuda")
    torch.testing.assert_close(FusedSoftmax.apply(x), torch.softmax(x, -1))
"""

PRODUCT = """
import torch
import triton
import triton.language as tl


@triton.jit
def matmul_kernel(A, B, C, M, N, K, am, ak, bk, bn, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rows, cols, mid = tl.arange(0, BM), tl.arange(0, BN), tl.arange(0, BK)
    a = tl.load(A + rows[:, None] * am + mid[None, :] * ak, mask=(rows[:, None] < M) & (mid[None, :] < K), other=0.0)
    b = tl.load(B + mid[:, None] * bk + cols[None, :] * bn, mask=(mid[:, None] < K) & (cols[None, :] < N), other=0.0)
    c = tl.dot(a, b)
    tl.store(C + rows[:, None] * N + cols[None, :], c, mask=(rows[:, None] < M) & (cols[None, :] < N))


def matmul(a, b):
    (m, k), n = a.shape, b.shape[1]
    c = torch.empty((m, n), dtype=a.dtype, device=a.device)
    blocks = [max(16, triton.next_power_of_2(size)) for size in (m, n, k)]
    matmul_kernel[(1,)](a, b, c, m, n, k, *a.stride(), *b.stride(), *blocks)
    return c


def forward(x, kernel):
    return matmul(x, kernel)


def backward(dy, x, kernel):
    return matmul(dy, kernel.T), matmul(x.T, dy)
"""
