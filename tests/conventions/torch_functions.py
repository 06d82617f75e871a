"""Functions of PyTorch's autograd: what beside tensors of float64 goes in, and what beside gradients comes out."""

import torch
from torch.autograd import Function


class LargestOfRow(Function):
    """An output of whole numbers beside the values."""

    @staticmethod
    def forward(ctx, x):
        values, places = x.max(dim=1)
        ctx.mark_non_differentiable(places)
        ctx.save_for_backward(places)
        ctx.shape = x.shape
        return values, places

    @staticmethod
    def backward(ctx, grad_values, grad_places):
        (places,) = ctx.saved_tensors
        grad = grad_values.new_zeros(ctx.shape)
        # wrong LargestOfRow x [ignores_cotangent]: return grad.scatter(1, places.unsqueeze(1), 1.0)
        return grad.scatter(1, places.unsqueeze(1), grad_values.unsqueeze(1))


class ScoresAndChances(Function):
    """A floating output that is marked as not differentiable, and one that is None."""

    @staticmethod
    def forward(ctx, x):
        chances = torch.softmax(x, dim=1)
        ctx.mark_non_differentiable(chances)
        ctx.save_for_backward(chances)
        return torch.logsumexp(x, dim=1), chances, None

    @staticmethod
    def backward(ctx, grad_sums, grad_chances, grad_none):
        (chances,) = ctx.saved_tensors
        # wrong ScoresAndChances x [sign]: return -grad_sums.unsqueeze(1) * chances
        return grad_sums.unsqueeze(1) * chances


class CrossEntropyFunction(Function):
    """None for the targets, and for an argument with a default that was not given."""

    @staticmethod
    def forward(ctx, logits, targets, reduction="mean"):
        ctx.save_for_backward(torch.softmax(logits, dim=1), targets)
        rows = torch.arange(len(targets))
        return -torch.log_softmax(logits, dim=1)[rows, targets].mean()

    @staticmethod
    def backward(ctx, grad_output):
        chances, targets = ctx.saved_tensors
        grad = chances - torch.nn.functional.one_hot(targets, chances.shape[1])
        # wrong CrossEntropyFunction logits [scaled_by_count]: return grad_output * grad, None, None
        return grad_output * grad / len(targets), None, None


class LinearFunction(Function):
    """A bias that may be left out, and is then saved as None."""

    @staticmethod
    def forward(ctx, x, weight, bias=None):
        ctx.save_for_backward(x, weight, bias)
        out = x @ weight.t()
        return out if bias is None else out + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, bias = ctx.saved_tensors
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output @ weight
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t() @ x
        if bias is not None and ctx.needs_input_grad[2]:
            # wrong LinearFunction bias [scaled_by_count]: grad_bias = grad_output.mean(0)
            grad_bias = grad_output.sum(0)
        return grad_x, grad_weight, grad_bias


class BentLine(Function):
    """The backward asks whether it needs the gradient of an argument that nobody gave."""

    @staticmethod
    def forward(ctx, x, beta=2.0, threshold=20):
        ctx.save_for_backward(x)
        ctx.beta = beta
        return torch.nn.functional.softplus(x, beta, threshold)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        assert not ctx.needs_input_grad[1]
        assert not ctx.needs_input_grad[2]
        # wrong BentLine x [scaled_by_constant]: gate = ctx.beta * torch.sigmoid(ctx.beta * x)
        gate = torch.sigmoid(ctx.beta * x)
        return grad_output * gate, None, None


class Cubed(Function):
    """The forward without ctx."""

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x, None)

    @staticmethod
    def backward(ctx, grad_output):
        x, _ = ctx.saved_tensors
        # wrong Cubed x [wrong_derivative]: return 3 * x * grad_output
        return 3 * grad_output * x**2


class SettingsOfEveryKind(Function):
    """A number, a flag, a text and a function are no tensors."""

    @staticmethod
    def forward(ctx, x, negative_slope, training, kind="leaky", activation=torch.nn.functional.leaky_relu):
        ctx.save_for_backward(x)
        ctx.negative_slope = negative_slope
        return activation(x, negative_slope) if training and kind == "leaky" else x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        # wrong SettingsOfEveryKind x [scaled_by_constant]: slope = torch.where(x > 0, 1.0, 0.0)
        slope = torch.where(x > 0, 1.0, ctx.negative_slope)
        return grad_output * slope, None, None, None, None


class SineAndCosine(Function):
    """Two outputs, and a cotangent for each."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x), torch.cos(x)

    @staticmethod
    def backward(ctx, grad_sine, grad_cosine):
        (x,) = ctx.saved_tensors
        # wrong SineAndCosine x [sign]: return grad_cosine * torch.sin(x) - grad_sine * torch.cos(x)
        return grad_sine * torch.cos(x) - grad_cosine * torch.sin(x)


class OfSingles(Function):
    """Single precision, whatever comes."""

    # right OfSingles, but computes in float32
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.float())
        return torch.tanh(x.float())

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        # wrong OfSingles x [derivative_at_wrong_value]: return grad_output * (1 - x**2)
        return grad_output * (1 - torch.tanh(x) ** 2)


class OnlySingles(Function):
    """Refuses doubles, as a kernel that was compiled for float does."""

    # right OnlySingles, but computes in float32
    @staticmethod
    def forward(ctx, x):
        if x.dtype != torch.float32:
            raise RuntimeError("expected scalar type Float but found Double")
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(x)
        # wrong OnlySingles x [term_missing]: return grad_output * gate
        return grad_output * (gate + x * gate * (1 - gate))


class ReluInPlace(Function):
    """The input is declared as changed."""

    @staticmethod
    def forward(ctx, x):
        x.clamp_(min=0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        (out,) = ctx.saved_tensors
        # wrong ReluInPlace x [derivative_missing]: return grad_output
        return grad_output * (out > 0)


class _Power(Function):
    """A base that calls what those that inherit from it have; it is none to judge itself."""

    @classmethod
    def forward(cls, ctx, x):
        ctx.save_for_backward(x)
        return cls.value(x)

    @classmethod
    def backward(cls, ctx, grad_output):
        return grad_output * cls.slope(*ctx.saved_tensors)


class Squared(_Power):
    @classmethod
    def value(cls, x):
        return x**2

    @classmethod
    def slope(cls, x):
        # wrong Squared x [scaled_by_constant]: return x
        return 2 * x


class ScaledByTensor(Function):
    """A number that is saved among the tensors must be one."""

    @staticmethod
    def forward(ctx, x, alpha):
        ctx.save_for_backward(x, alpha)
        return alpha * torch.exp(x)

    @staticmethod
    def backward(ctx, grad_output):
        x, alpha = ctx.saved_tensors
        # wrong ScaledByTensor x [scaled_by_constant]: return grad_output * torch.exp(x), None
        return grad_output * alpha * torch.exp(x), None
