"""Tables for ganzoo. Each kind's package has a table of its components, without torch."""

from ganzoo_table.datasets import register_datasets as register_datasets
from ganzoo_table.extractors import register_extractors as register_extractors
from ganzoo_table.metrics import register_metrics as register_metrics
from ganzoo_table.networks import register_discriminators as register_discriminators
from ganzoo_table.networks import register_generators as register_generators
from ganzoo_table.regularizers import register_regularizers as register_regularizers
from ganzoo_table.series import register_modalities as register_modalities
from ganzoo_table.series import register_series_datasets as register_series_datasets
from ganzoo_table.series import register_series_discriminators as register_series_discriminators
from ganzoo_table.series import register_series_extractors as register_series_extractors
from ganzoo_table.series import register_series_generators as register_series_generators
from ganzoo_table.series import register_series_metrics as register_series_metrics
