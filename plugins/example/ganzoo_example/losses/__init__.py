"""Losses, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_losses(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("least-squares", "least_squares:LeastSquares", revision=1, paper="arXiv:1611.04076")
