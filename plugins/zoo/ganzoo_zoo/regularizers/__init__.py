"""Regularizers, one per file. `weight` and `every_steps` belong to the recipe."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_regularizers(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("cycle", "translation:Cycle", paper="arXiv:1703.10593")
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
    add("component-sd", "component_sd:ComponentSd", paper="arXiv:1706.02071")
    add("orthogonal", "orthogonal:Orthogonal", paper="arXiv:1809.11096")
    add("apa", "apa:AdaptivePseudoAugmentation", paper="arXiv:2111.06849")
    add("feature-matching", "feature_matching:FeatureMatching", paper="arXiv:1606.03498")
    add("drift", "drift:Drift", paper="arXiv:1710.10196")
    add("gradient-penalty", "gradient_penalty:GradientPenalty", paper="arXiv:1704.00028")
    add("path-length", "path_length:PathLength", paper="arXiv:1912.04958")
    add("paired-labels", "paired_labels:PairedLabels", paper="arXiv:2501.05441")
    add("pixel-cutmix", "pixel_cutmix:PixelCutMix", paper="arXiv:2002.12655")
    add("pixel", "translation:Pixel", paper="arXiv:1611.07004")
    add("r1", "r1:R1", paper="arXiv:1801.04406")
    add("r2", "r2:R2", paper="arXiv:1801.04406")
    add("reconstruction", "reconstruction:Reconstruction", paper="arXiv:2101.04775")
    add("dragan", "dragan:DRAGAN", paper="arXiv:1705.07215")
    add("max-gp", "max_gradient_penalty:MaxGradientPenalty", paper="arXiv:1902.05687")
    add("wgan-div", "wgan_div:WGANDiv", paper="arXiv:1712.01026")
    add("sobolev", "sobolev:Sobolev", paper="arXiv:1711.04894")
    add("weight-clipping", "weight_clipping:WeightClipping", paper="arXiv:1701.07875")
    add("consistency", "consistency:Consistency", modalities={"image"}, paper="arXiv:2002.04724")
    add(
        "latent-consistency",
        "latent_consistency:LatentConsistency",
        paper="arXiv:2002.04724",
    )
    add("lecam", "lecam:LeCam", paper="arXiv:2104.03310")
    add("top-k", "top_k:TopK", paper="arXiv:2002.06224")
    add(
        "latent-optimisation",
        "latent_optimisation:LatentOptimisation",
        paper="arXiv:1912.00953",
    )
    add("mode-seeking", "mode_seeking:ModeSeeking", paper="arXiv:1903.05628")
    add("information", "information:Information", paper="arXiv:1606.03657")
