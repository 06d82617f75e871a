"""The central difference, as a textbook prints it, and the same with the distance measured."""


def numerical_diff(f, x):
    h = 1e-4
    return (f(x + h) - f(x - h)) / (2 * h)


def measured_diff(f, x):
    h = 1e-4
    after, before = x + h, x - h
    return (f(after) - f(before)) / (after - before)
