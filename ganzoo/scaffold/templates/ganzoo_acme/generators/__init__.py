"""Generators, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_generators(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("upsampling", "upsampling:Generator", revision=1, paper="doi:10.23915/distill.00003")
