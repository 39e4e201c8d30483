"""What the plugin offers. Only strings and facts stand here, so that a listing imports no torch."""

from ganzoo.api import Register, hookimpl


@hookimpl
def register_generators(register: Register) -> None:
    register(
        "upsampling",
        "ganzoo_example.generator:Generator",
        revision=1,
        summary="nearest-neighbour upsampling and convolutions",
        paper="doi:10.23915/distill.00003",
        license="Apache-2.0",
        modalities={"image"},
        capabilities={"graph-safe"},
    )


@hookimpl
def register_losses(register: Register) -> None:
    register(
        "least-squares",
        "ganzoo_example.loss:LeastSquares",
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
        "ganzoo_example.regularizer:Drift",
        revision=1,
        summary="keeps real logits near 0",
        paper="arXiv:1710.10196",
        license="Apache-2.0",
        capabilities={"graph-safe"},
    )


@hookimpl
def register_datasets(register: Register) -> None:
    register(
        "gratings",
        "ganzoo_example.dataset:Gratings",
        revision=1,
        summary="grey stripes in four directions",
        license="Apache-2.0",
        modalities={"image"},
        splits=("train", "test"),
    )


@hookimpl
def register_metrics(register: Register) -> None:
    register(
        "energy",
        "ganzoo_example.metric:Energy",
        revision=1,
        summary="energy distance of the features",
        paper="arXiv:1705.10743",
        license="Apache-2.0",
    )


@hookimpl
def register_recipes(register: Register) -> None:
    register(
        "demo",
        "ganzoo_example:recipes/demo.yaml",
        summary="what comes with this plugin, together",
        license="Apache-2.0",
    )
