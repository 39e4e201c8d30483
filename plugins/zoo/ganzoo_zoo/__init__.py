"""The components that come with ganzoo. Each kind's package has a table of them, without torch."""

from ganzoo_zoo.augmentations import register_augmentations
from ganzoo_zoo.datasets import register_datasets
from ganzoo_zoo.extractors import register_extractors
from ganzoo_zoo.latents import register_latents
from ganzoo_zoo.losses import register_losses
from ganzoo_zoo.metrics import register_metrics
from ganzoo_zoo.networks import register_discriminators, register_generators
from ganzoo_zoo.optimizers import register_optimizers
from ganzoo_zoo.regularizers import register_regularizers
from ganzoo_zoo.schedules import register_schedules

__all__ = [
    "register_augmentations",
    "register_datasets",
    "register_discriminators",
    "register_extractors",
    "register_generators",
    "register_latents",
    "register_losses",
    "register_metrics",
    "register_optimizers",
    "register_regularizers",
    "register_schedules",
]
