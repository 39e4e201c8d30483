"""Terms for generators of rows."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_regularizers(register: Register) -> None:
    add = table(register, __name__, modalities={"table"}, license="Apache-2.0")
    add("condition", "condition:Condition", paper="arXiv:1907.00503")
