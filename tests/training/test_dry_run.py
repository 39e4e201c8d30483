"""The dry run: every component gets what it declares, and one that fails is named."""

from pathlib import Path

import pytest

from ganzoo.errors import PluginError
from ganzoo.registry.registry import Registry
from ganzoo.training.launch import prepare

PLUGIN = """
import torch
from ganzoo.api import hookimpl

class Jacobian:
    capabilities = frozenset({declared})

    def discriminator(self, game):
        z = game.latents.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(game.generate(z, None).sum(), z)
        return {{"jacobian": gradient.square().mean()}}

@hookimpl
def register_regularizers(register):
    register("jacobian", "mine:Jacobian", summary="test", capabilities={{"generator-graph"}})
"""


def prepared(folder: Path, declared: str) -> None:
    file = folder / "mine.py"
    file.write_text(PLUGIN.format(declared=declared))
    overrides = ["generator.width=8", "discriminator.width=8", "regularizers.local/jacobian={}"]
    prepare("gaussians-mlp", overrides, Registry.with_local(file))


def test_a_component_that_declares_generator_graph_can_differentiate_through_g_in_ds_update(
    tmp_path: Path,
) -> None:
    prepared(tmp_path, "{'generator-graph'}")


def test_a_component_that_does_not_fit_is_named_before_training(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="local/jacobian failed in the discriminator's update"):
        prepared(tmp_path, "()")
