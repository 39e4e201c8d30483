"""Metrics that a recipe can add to the Fréchet distance; one per file, as is what they share."""

from ganzoo.api import Register, hookimpl, table

IMAGE, VECTOR = {"image"}, {"vector"}
CONTINUOUS = {"image", "vector", "audio", "video"}


@hookimpl
def register_metrics(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("cas", "cas:ClassificationAccuracyScore", paper="arXiv:1905.10887")
    add("class-agreement", "classes:ClassAgreement")
    add("cmmd", "cmmd:CMMD", paper="arXiv:2401.09603")
    add("density-coverage", "coverage:DensityCoverage", paper="arXiv:2002.09797")
    add("fd-infinity", "fd_infinity:FDInfinity", revision=2, paper="arXiv:1911.07023")
    add("flip-fd", "extracted:FlipFD", modalities=IMAGE, paper="arXiv:1812.04948")
    add("inception-score", "inception_score:InceptionScore", paper="arXiv:1606.03498")
    add("intra-class", "intra_class:IntraClass", paper="arXiv:1802.05637")
    add("kid", "kid:Kid", paper="arXiv:1801.01401")
    add("kid-subsets", "kid:KidSubsets", revision=2, paper="arXiv:1801.01401")
    add("memorisation", "memorisation:Memorisation", paper="arXiv:2004.05675")
    add("paired-error", "paired_error:PairedError", modalities=IMAGE)
    add("modes", "modes:Modes", modalities=VECTOR, revision=2, paper="arXiv:1712.04086")
    add("path-length", "path_length:PathLength", modalities=CONTINUOUS, paper="arXiv:1812.04948")
    add("precision-recall", "coverage:PrecisionRecall", paper="arXiv:1904.06991")
    add("spatial-fd", "extracted:SpatialFD", paper="arXiv:2103.03841")
    add("stacked-modes", "modes:StackedModes", modalities=IMAGE, paper="arXiv:1611.02163")
    add("stacked-modes-neighbour", "modes:StackedModesByNeighbour", modalities=IMAGE)
    add("torchmetrics", "torchmetrics_adapter:TorchMetric", revision=2)
