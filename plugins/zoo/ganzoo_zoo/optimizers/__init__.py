"""Optimizers."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_optimizers(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("adam", "from_torch:adam", paper="arXiv:1412.6980")
    add("adamw", "from_torch:adamw", paper="arXiv:1711.05101")
    add("rmsprop", "from_torch:rmsprop")
    add("sgd", "from_torch:sgd")
