"""Sound for ganzoo. Each kind's package has a table of its components, without torch."""

from ganzoo_audio.datasets import register_datasets as register_datasets
