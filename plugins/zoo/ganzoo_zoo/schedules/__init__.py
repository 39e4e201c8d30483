"""Schedules over the number of real samples that D has seen."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_schedules(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("linear", "ramps:Linear")
    add("cosine", "ramps:Cosine", paper="arXiv:1608.03983")
    add("constant", "simple:Constant")
    add("exponential", "simple:Exponential")
    add("warm-up", "warm_up:WarmUp", paper="arXiv:1706.02677")
    add("stairs", "stairs:Stairs", paper="arXiv:1710.10196")
