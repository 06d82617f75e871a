"""Cross-entropy of logits and labels or soft targets, one loss a row, by the logarithm of the sum of exponentials."""

import torch
import triton
import triton.language as tl

from examples.kernels.in_triton.layout import block_of, wide


@triton.jit
def log_sum_exp(logits):
    """log(sum(exp(logits))) of one row in one block."""
    highest = tl.max(logits, axis=0)
    return highest + tl.log(tl.sum(tl.exp(logits - highest), axis=0))


@triton.jit
def cross_entropy_forward(
    logits, labels, loss, logits_row, logits_class, labels_step, classes, ignored, BLOCK: tl.constexpr
):
    """loss = logsumexp(logits) - logits[label]; 0 where the label is to be ignored."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    scores = logits + row * logits_row
    values = wide(tl.load(scores + column * logits_class, mask=column < classes, other=-float("inf")))
    label = tl.load(labels + row * labels_step)
    if label == ignored:
        tl.store(loss + row, 0.0)
    else:
        tl.store(loss + row, log_sum_exp(values) - wide(tl.load(scores + label * logits_class)))


@triton.jit
def cross_entropy_backward(
    logits, labels, dloss, dlogits, logits_row, logits_class, labels_step, dloss_step, classes, ignored,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """dlogits = (softmax(logits) - onehot(label)) * dloss of the row."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < classes
    values = wide(tl.load(logits + row * logits_row + column * logits_class, mask=inside, other=-float("inf")))
    label = tl.load(labels + row * labels_step)
    upstream = wide(tl.load(dloss + row * dloss_step))
    upstream = tl.where(label == ignored, 0.0, upstream)
    chances = tl.exp(values - log_sum_exp(values))
    gradient = (chances - tl.where(column == label, 1.0, 0.0)) * upstream
    tl.store(dlogits + row * classes + column, gradient, mask=inside)


@triton.jit
def soft_cross_entropy_forward(
    logits, targets, loss, logits_row, logits_class, targets_row, targets_class, classes, BLOCK: tl.constexpr
):
    """loss = sum(targets * (logsumexp(logits) - logits)); the targets may sum to anything."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < classes
    values = wide(tl.load(logits + row * logits_row + column * logits_class, mask=inside, other=-float("inf")))
    wanted = wide(tl.load(targets + row * targets_row + column * targets_class, mask=inside, other=0.0))
    surprise = tl.where(inside, log_sum_exp(values) - values, 0.0)
    tl.store(loss + row, tl.sum(wanted * surprise, axis=0))


@triton.jit
def soft_cross_entropy_backward(
    logits, targets, dloss, dlogits, dtargets, logits_row, logits_class, targets_row, targets_class, dloss_step,
    classes, BLOCK: tl.constexpr,
):  # fmt: skip
    """dlogits = (softmax(logits) * sum(targets) - targets) * dloss, dtargets = (logsumexp(logits) - logits) * dloss."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < classes
    values = wide(tl.load(logits + row * logits_row + column * logits_class, mask=inside, other=-float("inf")))
    wanted = wide(tl.load(targets + row * targets_row + column * targets_class, mask=inside, other=0.0))
    upstream = wide(tl.load(dloss + row * dloss_step))
    surprise = log_sum_exp(values) - values
    gradient = (tl.exp(-surprise) * tl.sum(wanted, axis=0) - wanted) * upstream
    tl.store(dlogits + row * classes + column, gradient, mask=inside)
    tl.store(dtargets + row * classes + column, surprise * upstream, mask=inside)


class CrossEntropy(torch.autograd.Function):
    """One loss a row of logits (rows, classes) and labels (rows,)."""

    @staticmethod
    def forward(ctx, logits, labels, ignored=-100):
        """Logits and labels are kept; the backward computes the softmax anew."""
        count, classes = logits.shape
        loss = torch.empty(count, dtype=logits.dtype, device=logits.device)
        cross_entropy_forward[(count,)](
            logits, labels, loss, *logits.stride(), *labels.stride(), classes, ignored, BLOCK=block_of(classes)
        )
        ctx.save_for_backward(logits, labels)
        ctx.ignored = ignored
        return loss

    @staticmethod
    def backward(ctx, dloss):
        """The gradient of the logits; labels are whole numbers and have none."""
        logits, labels = ctx.saved_tensors
        count, classes = logits.shape
        dlogits = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
        cross_entropy_backward[(count,)](
            logits, labels, dloss, dlogits, *logits.stride(), *labels.stride(), *dloss.stride(), classes, ctx.ignored,
            BLOCK=block_of(classes),
        )  # fmt: skip
        return dlogits, None, None


class SoftCrossEntropy(torch.autograd.Function):
    """One loss a row of logits and targets, both (rows, classes)."""

    @staticmethod
    def forward(ctx, logits, targets):
        """Logits and targets are kept."""
        count, classes = logits.shape
        loss = torch.empty(count, dtype=logits.dtype, device=logits.device)
        soft_cross_entropy_forward[(count,)](
            logits, targets, loss, *logits.stride(), *targets.stride(), classes, BLOCK=block_of(classes)
        )
        ctx.save_for_backward(logits, targets)
        return loss

    @staticmethod
    def backward(ctx, dloss):
        """The gradients of logits and targets."""
        logits, targets = ctx.saved_tensors
        count, classes = logits.shape
        dlogits = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
        dtargets = torch.empty(targets.shape, dtype=targets.dtype, device=targets.device)
        soft_cross_entropy_backward[(count,)](
            logits, targets, dloss, dlogits, dtargets, *logits.stride(), *targets.stride(), *dloss.stride(), classes,
            BLOCK=block_of(classes),
        )  # fmt: skip
        return dlogits, dtargets


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, ignored: int = -100) -> torch.Tensor:
    """One loss a row of logits (rows, classes) and labels (rows,), 0 where the label is the ignored one."""
    return CrossEntropy.apply(logits, labels, ignored)


def soft_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """One loss a row of logits and targets, both (rows, classes); the targets may sum to anything."""
    return SoftCrossEntropy.apply(logits, targets)
