"""Features of rows."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_extractors(register: Register) -> None:
    add = table(register, __name__, modalities={"table"}, license="Apache-2.0")
    add("codec", "codec:Codec")
