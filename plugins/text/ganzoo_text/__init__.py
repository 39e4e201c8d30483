"""Text for ganzoo. Each kind's package has a table of its components, without torch."""

from ganzoo_text.datasets import register_datasets as register_datasets
from ganzoo_text.extractors import register_extractors as register_extractors
from ganzoo_text.losses import register_losses as register_losses
from ganzoo_text.metrics import register_metrics as register_metrics
from ganzoo_text.networks import register_discriminators as register_discriminators
from ganzoo_text.networks import register_generators as register_generators
