"""Features of lines."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_extractors(register: Register) -> None:
    add = table(register, __name__, modalities={"text"}, license="Apache-2.0")
    add("n-grams", "n_grams:NGrams")
