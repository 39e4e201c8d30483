"""Regularizers, one per file. `weight` and `every_steps` belong to the recipe."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_regularizers(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    conditioning = "auxiliary_classifier"
    add("auxiliary-classifier", f"{conditioning}:AuxiliaryClassifier", paper="arXiv:1610.09585")
    add(
        "twin-auxiliary-classifier",
        f"{conditioning}:TwinAuxiliaryClassifier",
        paper="arXiv:1907.02690",
    )
    add(
        "discriminative-classifier",
        f"{conditioning}:DiscriminativeClassifier",
        paper="arXiv:2107.10060",
    )
    add("conditional-contrastive", "contrastive:ConditionalContrastive", paper="arXiv:2006.12681")
    add("d2d-ce", "contrastive:DataToDataCrossEntropy", paper="arXiv:2111.01118")
    add("rotation", "rotation:Rotation", modalities={"image"}, paper="arXiv:1811.11212")
    add("infomax", "infomax:InfoMax", modalities={"image"}, paper="arXiv:2007.04589")
    add("orthogonal", "orthogonal:Orthogonal", paper="arXiv:1809.11096")
    add("gradient-penalty", "gradient_penalty:GradientPenalty", paper="arXiv:1704.00028")
    add("r1", "r1:R1", paper="arXiv:1801.04406")
