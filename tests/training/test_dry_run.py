"""The dry run: every component gets what it declares, and one that fails is named."""

from pathlib import Path

import pytest

from ganzoo.components.build import requirements
from ganzoo.errors import PluginError, UsageError
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


MISTAKES = """
import torch
from torch import nn
from ganzoo.api import hookimpl

class Latent:
    def __init__(self, dim, *, kind: str = ""):
        self.dim, self.kind = dim, kind

    def sample(self, n, generator):
        if self.kind == "nothing":
            return None
        return torch.randn(n, self.dim + (self.kind == "wide"), generator=generator)

class Augmentation:
    def __init__(self, spec, *, kind: str = ""):
        self.kind = kind

    def __call__(self, x, noise):
        made = {"nothing": None, "narrow": x[:, :1], "extra": (x, x[:3]), "mapping": {"x": x}}
        return made[self.kind]

class Critic(nn.Module):
    def __init__(self, spec, *, multiple: int = 0, text: bool = False):
        super().__init__()
        self.batch_multiple = str(multiple) if text else multiple
        self.layer = nn.Linear(spec.size, 1)

    def forward(self, x, y=None):
        return self.layer(x.flatten(1))[:, 0]

@hookimpl
def register_latents(register):
    register("latent", "mine:Latent", summary="test")

@hookimpl
def register_augmentations(register):
    register("augmentation", "mine:Augmentation", summary="test")

@hookimpl
def register_discriminators(register):
    register("critic", "mine:Critic", summary="test")
"""


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("latent={use: local/latent, kind: nothing}", "latent drew a NoneType for "),
        ("latent={use: local/latent, kind: wide}", "latent drew float32 of shape "),
        ("augmentation={use: local/augmentation, kind: nothing}", "returned a NoneType, not"),
        ("augmentation={use: local/augmentation, kind: mapping}", "returned a dict, not float32"),
        ("augmentation={use: local/augmentation, kind: narrow}", "augmentation returned float32"),
        ("augmentation={use: local/augmentation, kind: extra}", "beside its samples, not a row"),
        ("discriminator={use: local/critic}", "has batch_multiple 0, not a whole number"),
        ("discriminator={use: local/critic, multiple: 2, text: true}", "has batch_multiple '2', "),
    ],
)
def test_the_component_at_fault_is_named_with_what_it_did(
    tmp_path: Path, override: str, said: str
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MISTAKES)
    slot = override.partition("=")[0]
    with pytest.raises(UsageError, match=rf"{slot}  local/.*{said}"):
        prepare("gaussians-mlp", ["generator.width=8", override], Registry.with_local(file))


def test_a_word_alone_is_a_requirement() -> None:
    class Needs:
        requires = "features"

    assert requirements(Needs()) == {"discriminator": {"features"}}
