"""Data sets, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("gratings", "gratings:Gratings", revision=1, splits=("train", "test"))
