"""Recording in PyTorch: a Function by its own forward and backward, a module by its hooks."""

import functools
import importlib
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reference.oracle.recorder.call import Call, described
from reference.oracle.recorder.held import Held, NotHeld, held
from reference.oracle.recorder.keeper import Keeper
from reference.oracle.recorder.names import named
from reference.oracle.subjects.frameworks import takes_context
from reference.oracle.subjects.subject import parameter_names

FUNCTION, MODULE = "torch function", "torch module"
# What is on a Function's ctx while a call waits for its backward.
WAITING = "_oracle_recording"


class Waiting:
    """A call whose forward runs or has run, and whose cotangents are to come."""

    def __init__(self, keeper: Keeper, target: str, kind: str):
        self.keeper, self.target, self.kind = keeper, target, kind
        self.number = keeper.wanted()
        self.given: Any = None
        # The places of the outputs to which a cotangent comes; None for all.
        self.places: list[int] | None = None

    def take(self, arguments: Mapping[str, Any], **about: Any) -> None:
        """Hold what the forward is given, before anything is changed in it."""
        if self.number is None:
            return
        torch = importlib.import_module("torch")
        devices = sorted({str(leaf.device) for leaf in _tensors(arguments)})
        kinds = {device.partition(":")[0] for device in devices}
        cast = {str(torch.get_autocast_dtype(kind)) for kind in kinds if torch.is_autocast_enabled(kind)}
        about |= {"autocast": ", ".join(sorted(cast))} if cast else {}
        about |= {
            "training step": self.keeper.step,
            "framework": f"torch {torch.__version__}",
            "device": ", ".join(devices),
        }
        try:
            self.given = (*described(arguments, is_tensor, _held), about)
        except Exception as error:
            self.keeper.stop(error)

    def give(self, cotangents: Sequence[Any]) -> None:
        """Keep the call with what has come back to its outputs: once, at the first backward."""
        given, self.given = self.given, None
        if given is None or self.number is None:
            return
        places = range(len(cotangents)) if self.places is None else self.places
        try:
            back = tuple(None if cotangents[place] is None else held(cotangents[place]) for place in places)
            tree, arrays, about = given
            self.keeper.keep(Call(self.target, self.kind, self.number, tree, arrays, back, about))
        except Exception as error:
            self.keeper.stop(error)


class Function:
    """A torch.autograd.Function whose calls are recorded, however they reach it."""

    def __init__(self, owner: Any, keeper: Keeper):
        self.owner, self.keeper = owner, keeper
        self.first = "forward" if takes_context(owner) else "setup_context"
        self.names = (parameter_names(owner.forward) or ())[self.first == "forward" :]
        self.begin, self.backward = getattr(owner, self.first), owner.backward
        if hasattr(self.backward, WAITING):
            raise ValueError(f"oracle.record: a Function can be recorded once at a time; got {owner.__name__} again")
        self.own = {name: vars(owner).get(name) for name in (self.first, "backward")}
        forward: Callable[..., Any] = self._forward if self.first == "forward" else self._setup_context
        backward = functools.wraps(self.backward)(lambda ctx, *cotangents: self._backward(ctx, *cotangents))
        setattr(backward, WAITING, True)
        setattr(owner, self.first, staticmethod(functools.wraps(self.begin)(lambda *given: forward(*given))))
        owner.backward = staticmethod(backward)

    def restore(self) -> None:
        """Leave the Function as it was."""
        for name, own in self.own.items():
            if own is None:
                delattr(self.owner, name)
            else:
                setattr(self.owner, name, own)

    def _forward(self, ctx: Any, *inputs: Any) -> Any:
        self._begun(ctx, inputs)
        return self._ended(ctx, self.begin(ctx, *inputs))

    def _setup_context(self, ctx: Any, inputs: Any, output: Any) -> None:
        self._begun(ctx, inputs)
        self.begin(ctx, inputs, output)
        self._ended(ctx, output)

    def _backward(self, ctx: Any, *cotangents: Any) -> Any:
        if waiting := getattr(ctx, WAITING, None):
            waiting.give(cotangents)
        return self.backward(ctx, *cotangents)

    def _begun(self, ctx: Any, inputs: Sequence[Any]) -> None:
        if ctx.next_functions and not _compiling():  # else nothing comes back to it
            waiting = Waiting(self.keeper, self.owner.__name__, FUNCTION)
            waiting.take(dict(zip(named(self.names, len(inputs)), inputs, strict=True)))
            setattr(ctx, WAITING, waiting)

    def _ended(self, ctx: Any, output: Any) -> Any:
        """The output, once it is known which parts of it are differentiable."""
        if waiting := getattr(ctx, WAITING, None):
            left_out = {id(one) for one in getattr(ctx, "non_differentiable", None) or ()}
            outputs = output if isinstance(output, tuple) else (output,)
            counting = (is_tensor(one) and one.is_floating_point() and id(one) not in left_out for one in outputs)
            waiting.places = [place for place, counts in enumerate(counting) if counts]
        return output


class Module:
    """A torch.nn.Module whose calls are recorded, with its parameters and buffers as they were at each."""

    def __init__(self, module: Any, keeper: Keeper):
        self.module, self.keeper = module, keeper
        self.names = parameter_names(module.forward) or ()
        self.running = threading.local()  # of each thread, the calls whose forward runs
        self.hooks = (
            module.register_forward_pre_hook(self._before, with_kwargs=True),
            module.register_forward_hook(self._after, with_kwargs=True, always_call=True),
        )

    def restore(self) -> None:
        """Leave the module as it was."""
        for hook in self.hooks:
            hook.remove()

    def _before(self, _: Any, inputs: tuple[Any, ...], by_name: dict[str, Any]) -> None:
        waiting = None
        if importlib.import_module("torch").is_grad_enabled() and not _compiling():
            waiting = Waiting(self.keeper, type(self.module).__name__, MODULE)
            arguments = {**dict(zip(named(self.names, len(inputs)), inputs, strict=True)), **by_name}
            parameters, buffers = dict(self.module.named_parameters()), dict(self.module.named_buffers())
            if twice := sorted(set(arguments) & {*parameters, *buffers}):
                self.keeper.stop(NotHeld(f"an argument and a parameter have the same name, {twice[0]}"))
            how = {"inputs": list(arguments), "positional": len(inputs), "training": self.module.training}
            waiting.take({**arguments, **parameters, **buffers}, buffers=list(buffers), **how)
        self.running.calls = [*getattr(self.running, "calls", ()), waiting]

    def _after(self, _: Any, inputs: Any, by_name: Any, output: Any) -> None:
        *self.running.calls, waiting = self.running.calls
        outputs = [one for one in _tensors(output) if one.is_floating_point()]
        followed = [one for one in outputs if one.requires_grad]
        if waiting is None or waiting.given is None or not followed:
            return

        def come(back: Sequence[Any]) -> None:
            found = dict(zip(map(id, followed), back, strict=True))
            waiting.give([found.get(id(one)) for one in outputs])

        importlib.import_module("torch").autograd.graph.register_multi_grad_hook(followed, come)


def record_torch(target: Any, keeper: Keeper) -> Callable[[], None]:
    """Record a Function or a module; what is returned leaves it as it was."""
    return (Function if inspect.isclass(target) else Module)(target, keeper).restore


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch."""
    return isinstance(value, importlib.import_module("torch").Tensor)


def _held(tensor: Any) -> Held:
    return held(tensor, bool(tensor.requires_grad))


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return _tensors(tuple(value.values()))
    if isinstance(value, tuple | list):
        return [leaf for one in value for leaf in _tensors(one)]
    return [value] if is_tensor(value) else []


def _compiling() -> bool:
    """Whether torch.compile is tracing this: what it makes of a call cannot be recorded."""
    return importlib.import_module("torch").compiler.is_compiling()
