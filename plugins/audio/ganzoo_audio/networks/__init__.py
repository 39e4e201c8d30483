"""Generators and discriminators of sound."""

from ganzoo.api import Register, hookimpl, table

PAPER = "arXiv:1802.04208"


@hookimpl
def register_generators(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0", paper=PAPER)
    add("wavegan", "wavegan:Generator", modalities={"audio"})
    add("specgan", "specgan:Generator", modalities={"audio/spectrogram"})


@hookimpl
def register_discriminators(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0", paper=PAPER)
    add("wavegan", "wavegan:Discriminator", modalities={"audio"})
    add("specgan", "specgan:Discriminator", modalities={"audio/spectrogram"})
