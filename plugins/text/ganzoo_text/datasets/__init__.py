"""Data sets."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_datasets(register: Register) -> None:
    table(register, __name__, modalities={"text"}, license="Apache-2.0")
