"""What the plugin offers. Nothing here imports torch, so that listing it is fast."""

from ganzoo.api import Register, hookimpl

from .datasets import register_datasets as register_datasets
from .generators import register_generators as register_generators
from .losses import register_losses as register_losses
from .metrics import register_metrics as register_metrics
from .regularizers import register_regularizers as register_regularizers


@hookimpl
def register_recipes(register: Register) -> None:
    register(
        "demo",
        "ganzoo_example:recipes/demo.yaml",
        summary="the components of this plugin, together",
        license="Apache-2.0",
    )
