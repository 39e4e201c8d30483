"""Kinds of data that sound can have beside waveforms."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_modalities(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("spectrogram", "spectrogram:Spectrogram", paper="arXiv:1802.04208")
