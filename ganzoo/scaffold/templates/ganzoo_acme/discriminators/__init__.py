"""Discriminators, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_discriminators(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("patch", "patch:Discriminator", revision=1, paper="arXiv:1611.07004")
