"""Augmentations, one per file. This table imports no torch."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_augmentations(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("instance-noise", "instance_noise:InstanceNoise", revision=1, paper="arXiv:1610.04490")
