"""Schedules, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_schedules(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("warmup", "warmup:Warmup", revision=1, paper="arXiv:1706.02677")
