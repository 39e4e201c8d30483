"""Which checks each kind of component is held to, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Mapping

from ganzoo.testing.augmentations import AUGMENTATION
from ganzoo.testing.checks import Check
from ganzoo.testing.datasets import DATASET
from ganzoo.testing.discriminators import DISCRIMINATOR
from ganzoo.testing.extractors import EXTRACTOR
from ganzoo.testing.generators import GENERATOR
from ganzoo.testing.latents import LATENT
from ganzoo.testing.losses import LOSS, REGULARIZER
from ganzoo.testing.metrics import METRIC
from ganzoo.testing.modalities import MODALITY
from ganzoo.testing.recipes import recipe_check
from ganzoo.testing.registrations import EVERY_KIND, lazy_import, target
from ganzoo.testing.training import CALLBACK, OPTIMIZER, SCHEDULE

CHECKS: Mapping[str, tuple[Check, ...]] = {
    "generator": (*EVERY_KIND, *GENERATOR),
    "discriminator": (*EVERY_KIND, *DISCRIMINATOR),
    "latent": (*EVERY_KIND, *LATENT),
    "loss": (*EVERY_KIND, *LOSS),
    "regularizer": (*EVERY_KIND, *REGULARIZER),
    "augmentation": (*EVERY_KIND, *AUGMENTATION),
    "dataset": (*EVERY_KIND, *DATASET),
    "extractor": (*EVERY_KIND, *EXTRACTOR),
    "metric": (*EVERY_KIND, *METRIC),
    "optimizer": (*EVERY_KIND, *OPTIMIZER),
    "schedule": (*EVERY_KIND, *SCHEDULE),
    "callback": (*EVERY_KIND, *CALLBACK),
    "modality": (*EVERY_KIND, *MODALITY),
    "recipe": (lazy_import, target, recipe_check),
}
