"""Generators and discriminators of rows."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_generators(register: Register) -> None:
    add = table(register, __name__, modalities={"table"}, license="Apache-2.0")
    add("ctgan", "ctgan:Generator", paper="arXiv:1907.00503")
    add("mlp", "mlp:Generator", paper="arXiv:1704.00028")


@hookimpl
def register_discriminators(register: Register) -> None:
    add = table(register, __name__, modalities={"table"}, license="Apache-2.0")
    add("ctgan", "ctgan:Discriminator", revision=2, paper="arXiv:1907.00503")
    add("mlp", "mlp:Discriminator", paper="arXiv:1704.00028")
