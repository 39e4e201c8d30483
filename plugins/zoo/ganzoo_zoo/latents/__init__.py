"""Distributions of z, the generator's input."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_latents(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("gaussian", "independent:Gaussian")
    add("mixture", "mixture:Mixture", paper="arXiv:1706.02071")
    add("uniform", "independent:Uniform")
    add("truncated", "truncated:Truncated", paper="arXiv:1809.11096")
    add("particles", "particles:Particles")
    add("codes", "codes:Codes", paper="arXiv:1606.03657")
