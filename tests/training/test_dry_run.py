"""The dry run: every component gets what it declares, and one that fails is named."""

from pathlib import Path
from unittest.mock import patch

import pytest
import torch

from ganzoo.components.build import requirements
from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.registry import Registry
from ganzoo.training import dry_run
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


@pytest.mark.parametrize(("width", "is_fake"), [(8, False), (1024, True)])
def test_small_networks_are_updated_with_values_and_large_ones_with_fake_tensors(
    width: int, is_fake: bool
) -> None:
    overrides = [f"generator.width={width}", f"discriminator.width={width}"]
    random = torch.get_rng_state()
    with patch.object(dry_run, "FakeTensorMode", wraps=dry_run.FakeTensorMode) as mode:
        plan = prepare("gaussians-mlp", overrides, Registry())
    assert mode.called == is_fake
    assert plan.step_flops
    assert torch.equal(torch.get_rng_state(), random)


FUSSY = """
import torch
from ganzoo.api import hookimpl

class Fussy:
    def discriminator(self, game):
        if len(game.real) < 8:
            raise ValueError("it needs eight samples")
        return {"nothing": game.real_logits.mean() * 0}

@hookimpl
def register_regularizers(register):
    register("fussy", "fussy:Fussy", summary="test")
"""


def test_a_component_that_needs_more_samples_than_a_small_pass_has_is_not_refused(
    tmp_path: Path,
) -> None:
    file = tmp_path / "fussy.py"
    file.write_text(FUSSY)
    overrides = ["generator.width=8", "discriminator.width=8", "regularizers.local/fussy={}"]
    registry = Registry.with_local(file)
    prepare("gaussians-mlp", [*overrides, "train.batch_size=8"], registry)
    with pytest.raises(PluginError, match=r"local/fussy failed .* it needs eight samples"):
        prepare("gaussians-mlp", [*overrides, "train.batch_size=7"], registry)


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
