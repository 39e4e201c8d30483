"""What the plugin offers. Only strings and facts stand here, so that a listing imports no torch."""

from ganzoo.api import Register, hookimpl


@hookimpl
def register_generators(register: Register) -> None:
    register(
        "upsampling",
        "ganzoo_acme.generator:Generator",
        revision=1,
        summary="nearest-neighbour upsampling and convolutions",
        paper="doi:10.23915/distill.00003",
        license="Apache-2.0",
        modalities={"image"},
        capabilities={"graph-safe"},
    )


@hookimpl
def register_discriminators(register: Register) -> None:
    register(
        "patch",
        "ganzoo_acme.discriminator:Discriminator",
        revision=1,
        summary="judges overlapping patches, one logit each",
        paper="arXiv:1611.07004",
        license="Apache-2.0",
        modalities={"image"},
        capabilities={"features", "graph-safe"},
    )


@hookimpl
def register_latents(register: Register) -> None:
    register(
        "sphere",
        "ganzoo_acme.latent:Sphere",
        revision=1,
        summary="uniform on a sphere",
        paper="arXiv:1710.10196",
        license="Apache-2.0",
    )


@hookimpl
def register_losses(register: Register) -> None:
    register(
        "least-squares",
        "ganzoo_acme.loss:LeastSquares",
        revision=1,
        summary="real logits to 1, generated ones to 0",
        paper="arXiv:1611.04076",
        license="Apache-2.0",
        capabilities={"graph-safe"},
    )


@hookimpl
def register_regularizers(register: Register) -> None:
    register(
        "drift",
        "ganzoo_acme.regularizer:Drift",
        revision=1,
        summary="keeps real logits near 0",
        paper="arXiv:1710.10196",
        license="Apache-2.0",
        capabilities={"graph-safe"},
    )


@hookimpl
def register_augmentations(register: Register) -> None:
    register(
        "instance-noise",
        "ganzoo_acme.augmentation:InstanceNoise",
        revision=1,
        summary="Gaussian noise on everything that D sees",
        paper="arXiv:1610.04490",
        license="Apache-2.0",
        capabilities={"graph-safe"},
    )


@hookimpl
def register_datasets(register: Register) -> None:
    register(
        "gratings",
        "ganzoo_acme.dataset:Gratings",
        revision=1,
        summary="grey stripes in four directions",
        license="Apache-2.0",
        modalities={"image"},
        splits=("train", "test"),
    )


@hookimpl
def register_extractors(register: Register) -> None:
    register(
        "spectrum",
        "ganzoo_acme.extractor:Spectrum",
        revision=1,
        summary="log power by spatial frequency",
        paper="arXiv:2003.01826",
        license="Apache-2.0",
        modalities={"image"},
    )


@hookimpl
def register_metrics(register: Register) -> None:
    register(
        "energy",
        "ganzoo_acme.metric:Energy",
        revision=1,
        summary="energy distance of the features",
        paper="arXiv:1705.10743",
        license="Apache-2.0",
    )


@hookimpl
def register_optimizers(register: Register) -> None:
    register(
        "radam",
        "ganzoo_acme.optimizer:radam",
        revision=1,
        summary="Adam with a rectified warm-up",
        paper="arXiv:1908.03265",
        license="Apache-2.0",
    )


@hookimpl
def register_schedules(register: Register) -> None:
    register(
        "warmup",
        "ganzoo_acme.schedule:Warmup",
        revision=1,
        summary="rises in a straight line to 1",
        paper="arXiv:1706.02677",
        license="Apache-2.0",
    )


@hookimpl
def register_callbacks(register: Register) -> None:
    register(
        "csv",
        "ganzoo_acme.callback:Csv",
        revision=1,
        summary="writes the terms of the losses to terms.csv",
        license="Apache-2.0",
    )


@hookimpl
def register_modalities(register: Register) -> None:
    register(
        "points",
        "ganzoo_acme.modality:Points",
        revision=1,
        summary="clouds of points in space",
        license="Apache-2.0",
    )


@hookimpl
def register_recipes(register: Register) -> None:
    register(
        "demo",
        "ganzoo_acme:recipes/demo.yaml",
        summary="what comes with this plugin, together",
        license="Apache-2.0",
    )
