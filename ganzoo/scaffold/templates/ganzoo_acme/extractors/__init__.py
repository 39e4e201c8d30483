"""Feature extractors, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_extractors(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("spectrum", "spectrum:Spectrum", revision=1, paper="arXiv:2003.01826")
