"""Optimizers, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_optimizers(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("radam", "radam:radam", revision=1, paper="arXiv:1908.03265")
