"""Point clouds: a kind of data that ganzoo does not know, with everything that a run needs."""

from ganzoo.api import Register, hookimpl

POINTS = {"clouds/points"}


@hookimpl
def register_modalities(register: Register) -> None:
    register("points", "ganzoo_clouds.points:Points", summary="clouds of points in space")


@hookimpl
def register_datasets(register: Register) -> None:
    register(
        "solids",
        "ganzoo_clouds.solids:Solids",
        summary="points on spheres, cubes and rings",
        modalities=POINTS,
        splits=("train", "test"),
        extractor="clouds/moments",
    )


@hookimpl
def register_generators(register: Register) -> None:
    register(
        "linear",
        "ganzoo_clouds.networks:Generator",
        summary="a perceptron for all points at once",
        modalities=POINTS,
    )


@hookimpl
def register_discriminators(register: Register) -> None:
    register(
        "pointnet",
        "ganzoo_clouds.networks:Discriminator",
        summary="one perceptron for each point, and the maximum over points",
        modalities=POINTS,
    )


@hookimpl
def register_extractors(register: Register) -> None:
    register(
        "moments",
        "ganzoo_clouds.extractor:Moments",
        summary="quantiles of radii and heights",
        modalities=POINTS,
    )


@hookimpl
def register_recipes(register: Register) -> None:
    register("demo", "ganzoo_clouds:recipes/demo.yaml", summary="solids from a perceptron")
