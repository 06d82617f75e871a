"""Penalties on parameters: what is computed of parameters alone, entry by entry and summed, and added to a loss."""

from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step

LINEAR = ("add", "subtract", "multiply", "divide", "negative", "sum", "mean", "reshape", "ravel")


def is_penalty(program: Program, user: Step) -> bool:
    """Whether what begins here is a penalty: one argument, entry by entry and summed, added to something else."""
    leaves = program.leaves_behind(user)
    step, summed = user, False
    while len(leaves) == 1 and step is not None:
        users = program.tape_users(step)
        if len(users) != 1:
            return False
        summed = summed or step.value.size == 1 < user.value.size
        step = users[0]
        if program.leaves_behind(step) != leaves:
            return summed and step.name == "add" and step.value.size == 1 and _ends_in_sums(program, step)
    return False


def _ends_in_sums(program: Program, step: Step) -> bool:
    """Whether a value reaches the output as a summand, beside numbers alone."""
    while step is not program.out:
        users = program.tape_users(step)
        divisor = len(users) == 1 and users[0].name == "divide" and users[0].args[0] is not step
        if len(users) != 1 or divisor or users[0].name not in LINEAR:
            return False
        step = users[0]
    return True


def is_of_penalty(program: Program, step: Step, penalized: set[Step], position: int) -> bool:
    """Whether a step of the backward belongs to a penalty: to its derivative, or to its arguments or its own alone."""
    if step.of is not None or step in program.last_sums:
        return step.of in penalized
    own = program.leaves_behind(step) - {program.cotangent}
    alone = own == {program.arguments[position]} or any(own == program.leaves_behind(one) for one in penalized)
    return own < set(program.arguments) and alone


def penalty_steps(program: Program) -> set[Step]:
    """The steps of the forward that make up penalties."""
    starts = [user for leaf in program.arguments if leaf is not None for user in program.tape_users(leaf)]
    found = {start for start in starts if is_penalty(program, start)}
    for step in program.forward:
        of_penalties = any(parent in found for parent in step.parents)
        if of_penalties and all(parent in found or parent in program.arguments for parent in step.parents):
            found.add(step)
    return found
