"""Score samples under one protocol: those of a run's generator, or external ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from ganzoo.api import Dataset, cache_directory
from ganzoo.components.build import make, reference_of
from ganzoo.components.data import blocks_of, check_readable
from ganzoo.components.extractors import why_unscored
from ganzoo.components.fingerprint import KeptHash
from ganzoo.components.parameters import adhoc_component
from ganzoo.components.plan import ComponentPlan, Plan
from ganzoo.errors import DataError, UsageError
from ganzoo.registry.registry import Registry
from ganzoo.runs.score import Sampling, Score
from ganzoo.sampling.random_streams import Rows
from ganzoo.sampling.sampler import SampleBatch, Sampler
from ganzoo.scoring import collectives
from ganzoo.scoring.features import ScoredGenerator, no_op
from ganzoo.scoring.reference import Reading, RealData, ReferenceCache
from ganzoo.scoring.score_samples import ExtractorIdentity, SampleScore, score_samples
from ganzoo.training.processes import Processes
from ganzoo.version import __version__

Telling = Callable[[str, int, int], None]


@dataclass
class Scorer:
    """A protocol without the number of samples: reference, extractor, metrics.

    Args:
        dataset: the reference's plan; `real` is its split, live.
        reading: what a whole split is read in; may raise to end the work.
        tell: receives a split, and the numbers of its samples that are read and of all.
    """

    dataset: ComponentPlan
    split: str
    real: Dataset
    extractor_plan: ComponentPlan
    metric_plans: list[ComponentPlan]
    processes: Processes
    reading: Reading = nullcontext
    tell: Telling = no_op

    @classmethod
    def of(
        cls,
        plan: Plan,
        processes: Processes,
        reading: Reading = nullcontext,
        tell: Telling = no_op,
    ) -> Scorer:
        """Return the protocol of a recipe.

        Raises:
            UsageError: the recipe has no extractor.
        """
        if plan.extractor is None:
            if plan.recipe.settings.eval.extractor == "auto":
                dataset = plan.components["dataset",].registration
                raise why_unscored(dataset, plan.registry, plan.spec)
            raise UsageError(
                f"{plan.recipe.name} has no extractor, so it cannot be scored",
                hint="eval.extractor=auto",
            )
        return cls(
            dataset=plan.components["dataset",],
            split=plan.recipe.settings.eval.reference,
            real=reference_of(plan),
            extractor_plan=plan.extractor,
            metric_plans=[
                component
                for slot, component in plan.components.items()
                if slot[:2] == ("eval", "metrics")
            ],
            processes=processes,
            reading=reading,
            tell=tell,
        )

    @cached_property
    def extractor(self) -> Any:
        """The live extractor, in eval mode on the processes' device."""
        return live_extractor(self.extractor_plan, self.processes)

    @cached_property
    def identity(self) -> ExtractorIdentity:
        """The extractor's entries in the protocol."""
        return ExtractorIdentity.of(self.extractor_plan)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The metrics besides the Fréchet distance, by their places in the recipe and their ids."""
        return {str(each.problem(each.id)): make(each) for each in self.metric_plans}

    @cached_property
    def _cache(self) -> ReferenceCache:
        return ReferenceCache(cache_directory() / "reference")

    @cached_property
    def reference(self) -> RealData:
        """The reference, with the inputs of metrics that were computed from it."""
        names = self.dataset.registration.splits
        splits = {name: partial(self._read, name) for name in names}
        return replace(self._real_data(self.real, self.split), splits=splits)

    def _read(self, split: str) -> RealData:
        return self._real_data(self.other_split(split), split)

    def other_split(self, split: str) -> Dataset:
        """Return another split of the reference's data set, for a metric that asks for it.

        Raises:
            DataError: the data set has no such split.
            KeyError: the split is empty, which is to a metric as if it were not there.
        """
        try:
            data: Dataset = make(self.dataset, split)
        except DataError as error:
            raise DataError(
                f"{error.message}, and a metric asks for it",
                hint="leave that metric out of eval.metrics, or train on data with such a split",
            ) from error
        if not len(data):
            raise KeyError(split)
        return data

    def _real_data(self, data: Dataset, split: str) -> RealData:
        with collectives.fail_together(self.processes.device), self.reading():
            check_readable(data)  # which may leave samples out
            kept = KeptHash.of(self.dataset, data, split)
        return RealData(
            len(data),
            partial(blocks_of, data),
            self.dataset.id,
            split,
            preparation(self.dataset),
            reading=self.reading,
            progress=partial(self.tell, split),
            sha256=self.processes.share(kept.read()),
            remember=kept.write,
        )

    def score(
        self,
        fake: Iterable[SampleBatch],
        sampling: Sampling | None = None,
        generator: ScoredGenerator | None = None,
        watch: Callable[[], None] = no_op,
    ) -> Score:
        """Return the score of samples in stored form; on several ranks, of all their shares.

        Args:
            generator: what made them, for metrics that ask it for samples of their own.
            watch: called after every batch of either side; may raise to end the work.
        """
        result = score_samples(
            fake,
            self.reference,
            extractor=self.extractor,
            identity=self.identity,
            metrics=self.metrics,
            spec=self.real.spec,
            device=self.processes.device,
            cache=self._cache,
            generator=generator,
            watch=watch,
            debias=sampling is None or sampling.selected != "during",
        )
        score = score_of(result, self.processes, sampling)
        return replace(score, protocol=replace(score.protocol, folder=self.dataset.folder))

    def score_generator(self, sampler: Sampler, count: int, sampling: Sampling) -> Score:
        """Return the score of `count` samples drawn by ``sampling.seed``."""
        fake = sampler.batches(
            count,
            seed=sampling.seed,
            rank=self.processes.rank,
            world_size=self.processes.world_size,
        )
        generator = scored_generator(sampler, sampling.seed)
        return self.score(fake, sampling, generator, sampler.watch)


def score_of(result: SampleScore, processes: Processes, sampling: Sampling | None = None) -> Score:
    """Return a result as a score, with the current time and the environment."""
    return Score.now(
        value=result.value,
        metrics=result.metrics,
        statistics=result.statistics,
        protocol=result.protocol,
        notes=result.notes,
        sampling=sampling,
        env={
            "ganzoo": __version__,
            "torch": str(torch.__version__),
            "device": str(processes.device),
            "world_size": processes.world_size,
        },
    )


def scored_generator(sampler: Sampler, seed: int) -> ScoredGenerator:
    """Return a sampler's generator as metrics see it; noise inside it depends on `seed`."""
    return ScoredGenerator(
        latents=lambda count, seed: sampler.inputs(Rows(0, count), seed),
        generate=partial(sampler.generate, seed=seed),
        log_prob=partial(sampler.log_prob, seed=seed) if sampler.has_log_prob else None,
    )


def live_extractor(plan: ComponentPlan, processes: Processes) -> Any:
    """Return an extractor in eval mode on the processes' device; it is not trained."""
    extractor = make(plan)
    if isinstance(extractor, torch.nn.Module):
        extractor.eval().requires_grad_(False).to(processes.device)
    return extractor


def chosen_extractor(wanted: str | Mapping[str, Any], registry: Registry) -> ComponentPlan:
    """Return the plan of an extractor by its name, or ``{"use": name, parameter: value}``."""
    own = dict(wanted) if isinstance(wanted, Mapping) else {"use": wanted}
    return adhoc_component(registry, "extractor", own.pop("use"), own)


def preparation(dataset: ComponentPlan) -> str:
    """Return a data set's parameters in words, without paths: the content has its own hash."""
    return ", ".join(
        f"{name}={dataset.plain[name]}"
        for name, value in sorted(dataset.parameters.items())
        if value is not None and not isinstance(value, Path)
    )
