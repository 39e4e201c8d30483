"""How like the real clips generated ones are."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_metrics(register: Register) -> None:
    add = table(register, __name__, modalities={"video"}, license="Apache-2.0")
    add("frechet", "frechet:Frechet", revision=2, paper="arXiv:1706.08500")
    add("laws", "laws:Laws")
    add("identity", "identity:Identity", revision=2)
