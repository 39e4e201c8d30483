"""Generators and discriminators: one architecture per file, with both of its networks."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_generators(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("mlp", "mlp:Generator", modalities={"image", "vector"}, paper="arXiv:1406.2661")
    add("dcgan", "dcgan:Generator", paper="arXiv:1511.06434")
    add("resnet", "resnet:Generator", paper="arXiv:1802.05957")
    add("r3gan", "r3gan:Generator", paper="arXiv:2501.05441")


@hookimpl
def register_discriminators(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("mlp", "mlp:Discriminator", modalities={"image", "vector"}, paper="arXiv:1406.2661")
    add("dcgan", "dcgan:Discriminator", paper="arXiv:1511.06434")
    add("resnet", "resnet:Discriminator", paper="arXiv:1802.05957")
    add("r3gan", "r3gan:Discriminator", paper="arXiv:2501.05441")
