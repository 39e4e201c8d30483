"""Generators and discriminators of clips."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_generators(register: Register) -> None:
    add = table(register, __name__, modalities={"video"}, license="Apache-2.0")
    add("mocogan", "mocogan:Generator", paper="arXiv:1707.04993")
    add("conv3d", "conv3d:Generator", paper="arXiv:1609.02612")


@hookimpl
def register_discriminators(register: Register) -> None:
    add = table(register, __name__, modalities={"video"}, license="Apache-2.0")
    add("mocogan", "mocogan:Discriminator", paper="arXiv:1707.04993")
    add("conv3d", "conv3d:Discriminator", paper="arXiv:1609.02612")
