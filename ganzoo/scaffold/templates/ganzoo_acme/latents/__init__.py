"""Latents, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_latents(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("sphere", "sphere:Sphere", revision=1, paper="arXiv:1710.10196")
