"""Callbacks, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_callbacks(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("csv", "csv_file:Csv", revision=1)
