"""Data sets of lines."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities={"text"}, license="Apache-2.0")
    about = {"splits": ("train", "test"), "extractor": "text/n-grams"}
    add("lines", "lines:Lines", suffixes=(".txt", ".jsonl"), **about)
    add("grammar", "grammar:Grammar", **about)
    add("oracle", "oracle:Oracle", paper="arXiv:1609.05473", **about)
