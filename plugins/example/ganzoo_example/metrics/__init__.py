"""Metrics, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_metrics(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("energy", "energy:Energy", revision=1, paper="arXiv:1705.10743")
