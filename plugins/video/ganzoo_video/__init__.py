"""Video for ganzoo. Each kind's package has a table of its components, without torch."""

from ganzoo_video.datasets import register_datasets as register_datasets
from ganzoo_video.extractors import register_extractors as register_extractors
from ganzoo_video.metrics import register_metrics as register_metrics
from ganzoo_video.networks import register_discriminators as register_discriminators
from ganzoo_video.networks import register_generators as register_generators
