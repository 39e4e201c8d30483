"""The sampler of a checkpoint's generator, and the record of its settings."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ganzoo.api import SampleSpec
from ganzoo.components.build import build_generator
from ganzoo.components.plan import ComponentPlan, Slot
from ganzoo.components.weights import read_network
from ganzoo.errors import advising
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.schema import Settings
from ganzoo.runs.checkpoints import Checkpoint
from ganzoo.runs.score import Sampling
from ganzoo.sampling.sampler import ConditionSampler, LabelSampler, Sampler
from ganzoo.sampling.settings import SamplingSettings
from ganzoo.training.schedules import apply_to_sampled


def sampler_of(
    checkpoint: Checkpoint,
    recipe: Recipe,
    components: Mapping[Slot, ComponentPlan],
    spec: SampleSpec,
    labels: LabelSampler | ConditionSampler | None,
    device: torch.device,
) -> tuple[Sampler, SamplingSettings]:
    """Return the sampler of a checkpoint's generator, and the sampling settings of the recipe.

    Raises:
        CheckpointError: the weights are missing, damaged, or from another network.
        RecipeError: a sampling parameter is wrong, or the latent has to be trained.
        PluginError: the generator or the latent breaks its contract.
    """
    settings = recipe.settings
    generator, latent = build_generator(components, spec, settings.seed)
    sampling = SamplingSettings.of(recipe, components, generator)
    names = ("ema", "latent_ema") if settings.train.ema else ("generator", "latent")
    for name, part in zip(names, (generator, latent), strict=True):
        if isinstance(part, nn.Module):  # the latent is one if it learns
            file = checkpoint.file(f"{name}.safetensors")
            with advising(checkpoint.hint_if_unreadable()):
                read_network(part, file)
            part.eval().requires_grad_(False).to(device)
    apply_to_sampled(components, generator, latent, checkpoint.manifest["samples_seen"])
    return sampling.apply(Sampler(generator, spec, latent, labels, device)), sampling


def sampling_record(
    settings: Settings,
    sampling: SamplingSettings,
    step: int,
    samples_seen: int,
    *,
    selected: str,
    checkpoint: Checkpoint | None = None,
) -> Sampling:
    """Return the record of how scored samples were drawn.

    Args:
        selected: ``during``, ``best``, ``final`` or ``asked``: which checkpoint was scored.
        checkpoint: the one whose weights were sampled; None: those in memory.
    """
    return Sampling(
        weights="ema" if settings.train.ema else "raw",
        step=step,
        samples_seen=samples_seen,
        selected=selected,
        seed=settings.eval.seed,
        checkpoint_sha256=checkpoint.sha256 if checkpoint else None,
        labels=settings.labels if settings.conditional else None,
        **sampling.recorded,
    )
