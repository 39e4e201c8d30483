"""Regularizers, one per file. `weight` and `every_steps` belong to the recipe."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_regularizers(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("gradient-penalty", "gradient_penalty:GradientPenalty", paper="arXiv:1704.00028")
    add("paired-labels", "paired_labels:PairedLabels", paper="arXiv:2501.05441")
    add("r1", "r1:R1", paper="arXiv:1801.04406")
    add("r2", "r2:R2", paper="arXiv:1801.04406")
