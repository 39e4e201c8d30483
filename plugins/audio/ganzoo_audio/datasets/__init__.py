"""Data sets of sound."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities={"audio"}, license="Apache-2.0")
    add("notes", "notes:Notes", splits=("train", "test"), extractor="audio/log-mel")
