"""Kinds of data, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_modalities(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("points", "points:Points", revision=1)
