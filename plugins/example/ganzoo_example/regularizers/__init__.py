"""Regularizers, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_regularizers(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("drift", "drift:Drift", revision=1, paper="arXiv:1710.10196")
