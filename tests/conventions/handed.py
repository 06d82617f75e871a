"""Layers that are handed a dict of their parameters, also through a base that looks at the mode first."""


class Base:
    """Both directions go through it."""

    def __init__(self, device="cpu"):
        self.device = device

    def forward(self, x, param, mode="train"):
        if self.device == "cpu":
            out, cache = self._forward_train(x, param) if mode == "train" else self._forward(x, param)
        return out, cache

    def backward(self, dout, cache):
        return self._backward(dout, cache)

    def _forward_train(self, x, param):
        return self._forward(x, param)

    def _forward(self, x, param):
        raise NotImplementedError

    def _backward(self, dout, cache):
        raise NotImplementedError


class Dense(Base):
    """The sizes are for its initial parameters, which it does not keep."""

    def __init__(self, num_input, num_output, device="cpu"):
        self.num_input, self.num_output, self.device = num_input, num_output, device

    def _forward(self, x, param):
        return x @ param["W"] + param["b"], (x, param["W"])

    def _backward(self, dout, cache):
        x, W = cache
        # wrong Dense b [scaled_by_constant]: return dout @ W.T, {"W": x.T @ dout, "b": 0.6 * dout.sum(0)}
        return dout @ W.T, {"W": x.T @ dout, "b": dout.sum(0)}
