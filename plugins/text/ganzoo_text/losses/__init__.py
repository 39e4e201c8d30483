"""Losses for generators with a likelihood."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_losses(register: Register) -> None:
    add = table(register, __name__, modalities={"text"}, license="Apache-2.0")
    add("mle", "mle:MaximumLikelihood")
    add("reinforce", "reinforce:Reinforce", paper="arXiv:1905.09922")
