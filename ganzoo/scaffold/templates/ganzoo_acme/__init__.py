"""What the plugin offers. Nothing here imports torch, so that listing it is fast."""

from ganzoo.api import Register, hookimpl

from .augmentations import register_augmentations as register_augmentations
from .callbacks import register_callbacks as register_callbacks
from .datasets import register_datasets as register_datasets
from .discriminators import register_discriminators as register_discriminators
from .extractors import register_extractors as register_extractors
from .generators import register_generators as register_generators
from .latents import register_latents as register_latents
from .losses import register_losses as register_losses
from .metrics import register_metrics as register_metrics
from .modalities import register_modalities as register_modalities
from .optimizers import register_optimizers as register_optimizers
from .regularizers import register_regularizers as register_regularizers
from .schedules import register_schedules as register_schedules


@hookimpl
def register_recipes(register: Register) -> None:
    register(
        "demo",
        "ganzoo_acme:recipes/demo.yaml",
        summary="the components of this plugin, together",
        license="Apache-2.0",
    )
