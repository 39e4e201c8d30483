"""Generators and discriminators of lines."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_generators(register: Register) -> None:
    add = table(register, __name__, modalities={"text"}, license="Apache-2.0")
    add("residual", "residual:Generator", paper="arXiv:1704.00028")
    add("lstm", "lstm:Generator", paper="arXiv:1611.04051")
    add("relgan", "relgan:Generator", paper="openreview:rJedV3R5tm")


@hookimpl
def register_discriminators(register: Register) -> None:
    add = table(register, __name__, modalities={"text"}, license="Apache-2.0")
    add("residual", "residual:Discriminator", paper="arXiv:1704.00028")
    add("lstm", "lstm:Discriminator", paper="arXiv:1905.09922")
    add("relgan", "relgan:Discriminator", paper="openreview:rJedV3R5tm")
