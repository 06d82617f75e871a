"""Whether an optimizer takes the steps of the one it is named after, and if not, which known mistake does."""

import copy
import inspect
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from reference import optimizers
from reference.oracle.causes import REPAIRS
from reference.oracle.optimizers.rules import RULES, Slips, trajectory
from reference.oracle.optimizers.slips import CONVENTIONS, SLIPS, Slip
from reference.oracle.report import ArgumentReport, Finding, Report

STEPS = 6
Params = Mapping[str, np.ndarray]
Path = list[dict[str, np.ndarray]]


def check_optimizer(optimizer: Any, name: str, *, seed: int = 0, **hyperparameters: float) -> Report:
    """Judge an optimizer by its steps over a few gradients.

    Args:
        optimizer: `optimizer(params, grads, state) -> (params, state)` over dicts, with state None at first; an object
            with `update(params, grads)` that changes params in place (it is copied, and left as it is); or an
            (init, update) pair as in `reference.optimizers`.
        name: sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw.
        seed: draws the parameters and the gradients.
        hyperparameters: those the optimizer was made with (learning_rate, momentum, decay, beta1, beta2, epsilon,
            weight_decay, ...); the rest are the defaults of `reference.optimizers`.

    Returns:
        A report with one entry a parameter.

    Raises:
        ValueError: an unknown optimizer or hyperparameter.
    """
    hyper = _hyperparameters(name, hyperparameters)
    params, grads = _problem(seed)
    label = getattr(optimizer, "__name__", type(optimizer).__name__)
    optimizer = _as_step(optimizer) if hasattr(optimizer, "init") else optimizer
    facts = {"subject": label, "op": name, "statics": hyper, "mode": f"{STEPS} steps", "seed": seed}
    try:
        path, side_effects, state = _run(optimizer, params, grads)
    except Exception as error:
        reason = f"it raises {type(error).__name__}: {error}"
        return Report("fail", (_finding("raises", reason, "on its first steps"),), (), **facts)
    expected = _reference_path(name, params, grads, hyper)
    arguments = tuple(_argument(key, params[key], path, expected) for key in params)
    findings = [*side_effects]
    acquittals: list[str] = []
    if any(argument.verdict == "fail" for argument in arguments):
        convention = _convention(name, params, grads, hyper, path)
        acquittals += [convention] if convention else []
        findings += [] if convention else _explain(name, params, grads, hyper, path, arguments)
    if acquittals:
        arguments = tuple(_acquitted(argument) for argument in arguments)
    acquittals += _sign_of_velocity(name, state, params, grads, hyper)
    verdict = "fail" if findings else "pass"
    return Report(verdict, tuple(findings), arguments, acquittals=tuple(acquittals), forward_evaluations=STEPS, **facts)


def _hyperparameters(name: str, given: Mapping[str, float]) -> dict[str, float]:
    if name not in RULES:
        raise ValueError(f"check_optimizer: name must be one of {', '.join(RULES)}; got {name!r}")
    taken = inspect.signature(getattr(optimizers, name)).parameters
    if unknown := [key for key in given if key not in taken]:
        raise ValueError(f"check_optimizer: {name} takes {', '.join(taken)}; got {', '.join(unknown)}")
    return {key: given.get(key, parameter.default) for key, parameter in taken.items()}


def _as_step(pair: Any) -> Callable[..., Any]:
    """An (init, update) pair as one function of params, grads and state."""
    return lambda params, grads, state: pair.update(grads, pair.init(params) if state is None else state, params)


def _reference_path(name: str, params: Params, grads: Path, hyper: Mapping[str, float]) -> Path:
    """The steps of the reference's own optimizer."""
    step, state, path = _as_step(getattr(optimizers, name)(**hyper)), None, []
    now: Any = params
    for step_grads in grads:
        now, state = step(now, step_grads, state)
        path.append(now)
    return path


def _problem(seed: int) -> tuple[dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
    """Three parameters of one shape, so that a state they share goes unnoticed by NumPy; gradients of every size."""
    rng = np.random.default_rng([seed, 104729])
    names, shape = ("kernel", "bias", "scale"), (2, 3)
    sizes = np.array([[1.0, 1e-1, 1e-3], [10.0, 1e-4, 1.0]])
    params = {key: rng.normal(size=shape) for key in names}
    return params, [{key: rng.normal(size=shape) * sizes for key in names} for _ in range(STEPS)]


def _run(optimizer: Any, params: Params, grads: Path) -> tuple[Path, list[Finding], Any]:
    """The subject's parameters after each step, what it changed that is not its own, and its last state."""
    if callable(getattr(optimizer, "update", None)):
        return _run_object(copy.deepcopy(optimizer), params, grads)
    now, state, path, findings = {key: np.array(value) for key, value in params.items()}, None, [], []
    for step_grads in grads:
        own = {key: np.array(value) for key, value in step_grads.items()}
        before = {key: np.array(value) for key, value in now.items()}
        after, state = optimizer(now, own, state)
        findings += _changed("params", now, before) + _changed("grads", own, step_grads)
        now = {key: np.asarray(after[key]) for key in params}
        path.append({key: np.array(value) for key, value in now.items()})
    return path, _first_of_each(findings), state


def _run_object(optimizer: Any, params: Params, grads: Path) -> tuple[Path, list[Finding], Any]:
    now, path, findings = {key: np.array(value) for key, value in params.items()}, [], []
    for step_grads in grads:
        own = {key: np.array(value) for key, value in step_grads.items()}
        optimizer.update(now, own)
        findings += _changed("grads", own, step_grads)
        path.append({key: np.array(now[key]) for key in params})
    return path, _first_of_each(findings), vars(optimizer) if hasattr(optimizer, "__dict__") else None


def _changed(what: str, after: Mapping[str, np.ndarray], before: Mapping[str, np.ndarray]) -> list[Finding]:
    changed = [key for key in before if not np.array_equal(after[key], before[key], equal_nan=True)]
    if not changed:
        return []
    message = f"it changes {what}[{changed[0]!r}] in place"
    return [_finding("changed_in_place", message, f"{what} before and after a step", "argument")]


def _first_of_each(findings: list[Finding]) -> list[Finding]:
    return list({finding.message: finding for finding in findings}.values())


def _finding(cause: str, message: str, evidence: str, role: str = "") -> Finding:
    blame = "convention" if cause == "optimizer_epsilon" else "backward"
    return Finding(cause, None, message, evidence, REPAIRS[cause], blame=blame, role=role)


def _tolerance(start: np.ndarray, path: Path, expected: Path, key: str) -> float:
    """A few roundings of the subject's own dtype, at the size of the numbers it adds up."""
    dtype = path[-1][key].dtype
    epsilon = np.finfo(dtype).eps if dtype.kind == "f" else np.finfo(np.float64).eps
    moved = max(float(np.max(np.abs(now[key] - start))) for now in expected)
    return 64 * float(epsilon) * (float(np.max(np.abs(start))) + moved)


def _argument(key: str, start: np.ndarray, path: Path, expected: Path) -> ArgumentReport:
    """The parameter at the first step where it leaves the expected path, or at the last step."""
    tolerance = _tolerance(start, path, expected, key)
    errors = [np.abs(now[key] - want[key]) for now, want in zip(path, expected, strict=True)]
    step = next((place for place, error in enumerate(errors) if not np.all(error <= tolerance)), len(path) - 1)
    error = np.where(np.isnan(errors[step]), np.inf, errors[step])
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape))
    wrong = int(np.sum(~(error <= tolerance)))
    values = float(path[step][key][worst]), float(expected[step][key][worst])
    verdict = "fail" if wrong else "pass"
    where = {"shape": error.shape, "dtype": str(path[-1][key].dtype), "error_map": error}
    return ArgumentReport(key, verdict, float(error[worst]), worst, *values, tolerance, wrong, error.size, **where)


def _acquitted(argument: ArgumentReport) -> ArgumentReport:
    return ArgumentReport(**{**vars(argument), "verdict": "pass", "wrong_entries": 0})


def _matches(params: Mapping[str, np.ndarray], path: Path, other: Path) -> bool:
    return all(
        np.allclose(now[key], want[key], rtol=0, atol=_tolerance(params[key], path, other, key), equal_nan=True)
        for now, want in zip(path, other, strict=True)
        for key in params
    )


def _convention(name, params, grads, hyper, path: Path) -> str | None:
    """The reason why these steps are right under another convention, if they are."""
    taken = (
        why
        for word, why in CONVENTIONS.get(name, {}).items()
        if _same(name, params, grads, hyper, path, frozenset([word]))
    )
    return next(taken, None)


def _same(name: str, params, grads, hyper, path: Path, slips: Slips) -> bool:
    with np.errstate(all="ignore"):
        return _matches(params, path, trajectory(name, params, grads, hyper, slips))


def _explain(name, params, grads, hyper, path: Path, arguments: tuple[ArgumentReport, ...]) -> list[Finding]:
    """The known mistakes that take exactly these steps: one, or else two at once, or else a factor on the step."""
    if not all(np.all(np.isfinite(value)) for now in path for value in now.values()):
        slips = [s for s in SLIPS[name] if "t starts at 0" in s.words]
        hint = f"; perhaps {slips[0].says}" if slips else ""
        return [_finding("not_finite", f"the parameters become NaN or infinite{hint}", "the steps taken")]
    also = frozenset(CONVENTIONS.get(name, ()))
    for count, convention in ((1, frozenset()), (1, also), (2, frozenset())):
        for slips in combinations(SLIPS[name], count):
            words = frozenset(word for slip in slips for word in slip.words)
            if _same(name, params, grads, hyper, path, words | convention):
                return [_known(name, slip, count) for slip in slips]
    return [_factor(name, params, grads, hyper, path) or _unexplained(name, params, path, arguments)]


def _known(name: str, slip: Slip, count: int) -> Finding:
    together = "" if count == 1 else " and the other"
    evidence = f"{name} with this mistake{together} takes the same {STEPS} steps, to the last digits"
    return _finding(slip.cause, slip.says, evidence)


def _factor(name, params, grads, hyper, path: Path) -> Finding | None:
    """Another learning rate, if that is all."""
    right = trajectory(name, params, grads, hyper, frozenset())
    moved = np.concatenate([(path[0][key] - params[key]).ravel() for key in params])
    wanted = np.concatenate([(right[0][key] - params[key]).ravel() for key in params])
    factor = float(moved @ wanted / (wanted @ wanted)) if wanted.any() else 0.0
    rate = {**hyper, "learning_rate": hyper["learning_rate"] * factor}
    if factor and _same(name, params, grads, rate, path, frozenset()):
        says = f"its steps are those of learning_rate={rate['learning_rate']:.6g}, not {hyper['learning_rate']:.6g}"
        return _finding("optimizer_scale", says, f"{STEPS} steps agree with that learning rate")
    return None


def _unexplained(name, params, path: Path, arguments: tuple[ArgumentReport, ...]) -> Finding:
    wrong = [argument.name for argument in arguments if argument.verdict == "fail"]
    still = [key for key in params if np.array_equal(path[-1][key], params[key])]
    says = f"{', '.join(still)} never moves" if still else f"the steps of {', '.join(wrong)} are not those of {name}"
    return _finding("optimizer", says, "no known mistake, and no two of them, take these steps")


def _sign_of_velocity(name: str, state: Any, params, grads, hyper) -> list[str]:
    """Momentum kept as -learning_rate * v: found by looking at the state, and no mistake."""
    if name not in ("momentum", "nesterov"):
        return []
    velocity = dict.fromkeys(params, 0.0)
    for step_grads in grads:
        velocity = {key: hyper["momentum"] * velocity[key] + step_grads[key] for key in params}
    kept = [-hyper["learning_rate"] * np.asarray(velocity[key]) for key in params]
    found = [any(np.shape(a) == k.shape and np.allclose(a, k, rtol=1e-5, atol=0) for a in _leaves(state)) for k in kept]
    says = "The velocity is kept as -learning_rate * v and added: the same steps as subtracting learning_rate * v."
    return [says] if all(found) else []


def _leaves(state: Any) -> list[np.ndarray]:
    if isinstance(state, Mapping):
        return [leaf for value in state.values() for leaf in _leaves(value)]
    if isinstance(state, tuple | list):
        return [leaf for value in state for leaf in _leaves(value)]
    if hasattr(state, "shape"):
        return [np.asarray(state)]
    return []
