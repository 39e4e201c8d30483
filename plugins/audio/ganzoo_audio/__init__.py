"""Sound for ganzoo. Each kind's package has a table of its components, without torch."""

from ganzoo_audio.datasets import register_datasets as register_datasets
from ganzoo_audio.extractors import register_extractors as register_extractors
from ganzoo_audio.metrics import register_metrics as register_metrics
from ganzoo_audio.modalities import register_modalities as register_modalities
from ganzoo_audio.networks import register_discriminators as register_discriminators
from ganzoo_audio.networks import register_generators as register_generators
