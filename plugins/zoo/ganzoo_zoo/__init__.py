"""The components that come with ganzoo. Each kind's package has a table of them, without torch."""

from ganzoo_zoo.augmentations import register_augmentations as register_augmentations
from ganzoo_zoo.datasets import register_datasets as register_datasets
from ganzoo_zoo.extractors import register_extractors as register_extractors
from ganzoo_zoo.latents import register_latents as register_latents
from ganzoo_zoo.losses import register_losses as register_losses
from ganzoo_zoo.metrics import register_metrics as register_metrics
from ganzoo_zoo.networks import register_discriminators as register_discriminators
from ganzoo_zoo.networks import register_generators as register_generators
from ganzoo_zoo.optimizers import register_optimizers as register_optimizers
from ganzoo_zoo.regularizers import register_regularizers as register_regularizers
from ganzoo_zoo.schedules import register_schedules as register_schedules
