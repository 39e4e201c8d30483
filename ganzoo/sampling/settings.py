"""The sampling settings of a recipe's ``eval``, applied to a sampler."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Self

from torch import nn

from ganzoo.api import Latent, SamplingInputs
from ganzoo.components.build import blaming, make
from ganzoo.components.plan import ComponentPlan, Slot
from ganzoo.components.sampling_parameters import check_sampling
from ganzoo.errors import RecipeError
from ganzoo.recipes.load import Recipe
from ganzoo.runs.records import to_json
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.sampling.sampler import Sampler


@dataclass(frozen=True)
class SamplingSettings:
    """``eval.sampling`` and ``eval.latent``, checked.

    Args:
        parameters: arguments of G's `forward`.
        latent: the distribution of z at sampling; None: the recipe's.
        recorded: both, as a score records them; see `ganzoo.runs.score.Sampling`.
        generator: the generator's plan, for error messages.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    latent: Latent | None = None
    recorded: Mapping[str, Any] = field(default_factory=dict)
    generator: ComponentPlan | None = None

    @classmethod
    def of(
        cls, recipe: Recipe, components: Mapping[Slot, ComponentPlan], generator: nn.Module
    ) -> Self:
        """Return the settings of a recipe for its live generator.

        Raises:
            RecipeError: an unknown or wrong sampling parameter, or a latent that has to be trained.
            PluginError: a sampling parameter without a type or a default, or a broken latent.
        """
        about = components["generator",]
        parameters, plain = check_sampling(recipe, about, generator)
        component, latent = components.get(("eval", "latent")), None
        if component:
            latent = make(component, generator.latent_dim)
            if isinstance(latent, nn.Module) and next(latent.parameters(), None) is not None:
                what = f"{component.id} has weights, and this one would not be trained"
                raise RecipeError([component.problem(what)], hint="ganzoo list latents")
        return cls(parameters, latent, {"parameters": plain, "latent": _words(component)}, about)

    def apply(self, sampler: Sampler, most: int | None = None) -> Sampler:
        """Return a sampler with these settings and a prepared generator.

        A generator with `prepare_sampling` is changed in place: pass a copy of one that trains.

        Args:
            sampler: one with the recipe's own distributions; `prepare_sampling` draws from them.
            most: maximum rows per draw, for a dry run; None: no maximum.

        Raises:
            PluginError: `prepare_sampling` failed.
        """
        if hasattr(sampler.generator, "prepare_sampling"):
            named = blaming(self.generator, "in prepare_sampling") if self.generator else None
            with named or nullcontext():
                prepare(sampler, most)
        latent = self.latent or sampler.latent
        return replace(sampler, latent=latent, parameters=self.parameters)


def prepare(sampler: Sampler, most: int | None = None) -> None:
    """Call `prepare_sampling` of a sampler's generator.

    Its draws are the same for all seeds of the samples and for any number of processes.
    """
    generator: Any = sampler.generator
    drawn = 0

    def draw(count: int) -> SamplingInputs:
        nonlocal drawn
        count = min(count, most or count)
        rows, drawn = Rows(drawn, count), drawn + count
        noise = BatchNoise(RandomStreams(0), "prepare", 0, rows, sampler.device)
        labels = sampler.label_sampler.draw(noise) if sampler.label_sampler else None
        y = sampler.model_form(labels)
        return SamplingInputs(sampler.latents(noise), y, noise.within("generator"))

    with sampler.in_eval_mode(seed=0):
        generator.prepare_sampling(draw)
    generator.eval()


def _words(component: ComponentPlan | None) -> str | None:
    """Return a component as one word, ``zoo/uniform(low=-1.0)``."""
    if component is None:
        return None
    values = [f"{name}={to_json(value).decode()}" for name, value in component.plain.items()]
    return component.id + (f"({', '.join(values)})" if values else "")
