"""Emoji as a data set. Nothing here imports torch, so that listing it is fast."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, splits=("train", "test"))
    add("noto", "noto:Noto", extractor="zoo/toy-cnn", license="OFL-1.1")
