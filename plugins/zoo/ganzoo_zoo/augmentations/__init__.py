"""Differentiable augmentations of what D sees."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_augmentations(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add("diffaugment", "diffaugment:DiffAugment", paper="arXiv:2006.10738")
    add("ada", "ada:AdaptiveAugment", paper="arXiv:2006.06676")
    add("diffusion", "diffusion:Diffusion", paper="arXiv:2206.02262")
