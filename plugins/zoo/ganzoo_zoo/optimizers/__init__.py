"""Optimizers."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_optimizers(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("adam", "from_torch:adam", paper="arXiv:1412.6980")
    add("adamw", "from_torch:adamw", paper="arXiv:1711.05101")
    add("rmsprop", "from_torch:rmsprop")
    add("sgd", "from_torch:sgd")
    add("extra-adam", "extra_adam:ExtraAdam", paper="arXiv:1802.10551")
    add("optimistic-adam", "optimistic:OptimisticAdam", paper="arXiv:1711.00141")
    add("lion", "lion:Lion", paper="arXiv:2302.06675")
