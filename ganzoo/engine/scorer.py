"""Scores a generator of a run: samples, features, moments, distance; alike on every rank."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch

from ganzoo.api import cache_directory
from ganzoo.build.components import make
from ganzoo.build.plan import Plan
from ganzoo.engine.feed import tensors_of
from ganzoo.engine.processes import Processes
from ganzoo.engine.sampling import Sampler
from ganzoo.errors import UsageError
from ganzoo.runs.score import Sampling, Score
from ganzoo.scoring.reference import ReferenceCache
from ganzoo.scoring.score import RealData, score


class Scorer:
    """The evaluation protocol of one recipe, with its reference loaded once."""

    def __init__(self, plan: Plan, processes: Processes) -> None:
        if plan.extractor is None:
            raise UsageError(
                f"{plan.recipe.name} has no extractor, so it cannot be scored",
                hint="eval.extractor=NAME (see `ganzoo list extractors`)",
            )
        self.plan = plan
        self.processes = processes
        self.extractor_plan = plan.extractor

    @cached_property
    def extractor(self) -> Any:
        """The live extractor, in eval mode on the run's device."""
        extractor = make(self.extractor_plan)
        if isinstance(extractor, torch.nn.Module):
            extractor.eval().requires_grad_(False).to(self.processes.device)
        return extractor

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The metrics beside the Fréchet distance, by id."""
        return {
            component.id: make(component)
            for slot, component in self.plan.components.items()
            if slot[:2] == ("eval", "metrics")
        }

    @cached_property
    def real(self) -> RealData:
        """The reference split."""
        return real_data(self.plan, self.plan.recipe.settings.eval.reference)

    def score(self, sampler: Sampler, count: int, sampling: Sampling) -> Score:
        """Return the score of `count` samples drawn by ``sampling.seed``."""
        fake = sampler.batches(
            count,
            seed=sampling.seed,
            rank=self.processes.rank,
            world_size=self.processes.world_size,
        )
        result = score(
            fake,
            self.real,
            extractor=self.extractor,
            registration=self.extractor_plan.registration,
            metrics=self.metrics,
            spec=self.plan.spec,
            device=self.processes.device,
            cache=ReferenceCache(cache_directory() / "reference"),
        )
        return Score.now(
            value=result.value,
            metrics=result.metrics,
            protocol=result.protocol,
            sampling=sampling,
            env=environment(self.processes),
        )


def real_data(plan: Plan, split: str) -> RealData:
    """Return a split of the recipe's data as a reference."""
    component = plan.components["dataset",]
    dataset = plan.dataset if split == "train" else component.build(split)
    samples, labels = tensors_of(dataset)
    words = ", ".join(f"{name}={value}" for name, value in sorted(component.plain.items()))
    return RealData(
        samples=samples, labels=labels, dataset=component.id, split=split, preparation=words
    )


def environment(processes: Processes) -> dict[str, Any]:
    """Return what a score was computed on: versions, device, world size."""
    from ganzoo import __version__

    return {
        "ganzoo": __version__,
        "torch": str(torch.__version__),
        "device": str(processes.device),
        "world_size": processes.world_size,
        "tf32": torch.backends.cuda.matmul.allow_tf32,
    }
