"""Generators and discriminators of sound."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_generators(register: Register) -> None:
    add = table(register, __name__, modalities={"audio"}, license="Apache-2.0")
    add("wavegan", "wavegan:Generator", paper="arXiv:1802.04208")


@hookimpl
def register_discriminators(register: Register) -> None:
    add = table(register, __name__, modalities={"audio"}, license="Apache-2.0")
    add("wavegan", "wavegan:Discriminator", paper="arXiv:1802.04208")
