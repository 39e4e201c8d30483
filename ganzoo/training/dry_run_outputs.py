"""Dry run of what a run calls besides its updates: sampling, previews, schedules, a score.

The extractor and the metrics get a few real samples on both sides, through the functions that
scoring uses. So an error in them is found before training, not at the first evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ganzoo.api import Dataset, Evaluated, Metric
from ganzoo.components.build import (
    blaming,
    blaming_modality,
    build_generator,
    component_error,
)
from ganzoo.components.data import check_form, collate, row_of
from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, Diverged, PluginError, RecipeError
from ganzoo.registry.names import guess, suggest
from ganzoo.sampling.files import preview_files
from ganzoo.sampling.random_streams import CPU
from ganzoo.sampling.sampler import ConditionSampler, LabelSampler, Sampler
from ganzoo.sampling.settings import SamplingSettings
from ganzoo.scoring.features import Extraction, Probe
from ganzoo.scoring.metric_inputs import Splits, evaluate, real_side
from ganzoo.scoring.reference import RealData
from ganzoo.training.processes import Processes
from ganzoo.training.schedule_ranges import check_schedules
from ganzoo.training.scorer import Scorer, scored_generator

FEW = 8
"""Samples of each side. The extractor runs only on them."""

MANY = 1024
"""Rows of each side for a metric that fails on few: it may need more neighbours or a larger subset.
They are the few samples, repeated with a little noise."""

MANY_BYTES = 1 << 28
"""Maximum size of these rows' samples, in bytes."""

GENERATED = 2
"""Number of samples of the untrained generator in one batch."""


def dry_run_outputs(plan: Plan) -> None:
    """Call what the run will call besides updates, on a few samples.

    Raises:
        PluginError: a component failed, or made something of the wrong form.
        DataError: a metric needs something that the run will not have either.
        RecipeError: no metric gives the number by which the run is to stop.
    """
    sampler = _sampler(plan)
    with blaming(plan.components["generator",], "when it was sampled in eval mode"):
        try:
            made = sampler.sample(GENERATED, seed=plan.recipe.settings.eval.seed)
        except Diverged as error:
            what = "gave samples that are not finite before it was trained"
            raise component_error(plan.components["generator",], what) from error
    real, _ = _rows(plan.dataset, range(min(FEW, len(plan.dataset))))
    preview_files(plan.spec, made, real)
    check_schedules(plan)
    if plan.extractor is not None:
        _score(plan, sampler)
    else:
        with blaming_modality(plan.spec, "features"):
            plan.spec.kind.features(plan.spec, real)


def _sampler(plan: Plan) -> Sampler:
    """Return the sampler of the untrained generator; classes are uniform, so no data is read."""
    settings, spec = plan.recipe.settings, plan.spec
    generator, latent = build_generator(plan.components, spec, settings.seed)
    labels: LabelSampler | ConditionSampler | None = None
    if settings.conditional:
        by_classes = LabelSampler.by_counts([1] * spec.classes)
        labels = ConditionSampler(lambda: plan.dataset) if spec.condition else by_classes
    sampling = SamplingSettings.of(plan.recipe, plan.components, generator)

    def prepared(most: int | None) -> Sampler:
        return sampling.apply(Sampler(deepcopy(generator), spec, latent, labels), most)

    try:
        return prepared(GENERATED)
    except PluginError:  # it may need all the rows that it asks for, which takes longer
        return prepared(None)


def _rows(dataset: Dataset, indices: range) -> tuple[Tensor, Tensor | None]:
    """Return samples (N, *shape) in stored form, and labels or conditions if all have one.

    Samples that cannot be read are left out where the data set has a `check`, which names them all.
    """
    rows, unreadable = [], None
    for index in indices:
        try:
            rows.append(row_of(dataset, index))
        except DataError as error:
            unreadable = unreadable or error
    if unreadable and (len(rows) < 2 or not hasattr(dataset, "check")):
        raise unreadable
    samples, labels = collate(rows)
    check_form(samples, labels, dataset.spec)
    return samples, labels


def _score(plan: Plan, sampler: Sampler) -> None:
    """Run the extractor and every metric.

    Raises:
        PluginError, DataError, RecipeError: as for `dry_run_outputs`.
    """
    assert plan.extractor is not None
    scorer = Scorer.of(plan, Processes(CPU))
    name = str(plan.extractor.problem(plan.extractor.id))
    trial = _TrialScore(plan, scorer, Extraction(scorer.extractor, plan.spec, CPU, name=name))
    sides = trial.sides(*(min(FEW, count) for count in trial.counts))
    if not bool(torch.cat([side.features for side in sides]).isfinite().all()):
        raise component_error(plan.extractor, "gave features of real samples that are not finite")
    generator = scored_generator(sampler, plan.recipe.settings.eval.seed)
    probe = _FewFeatures(generator, trial.extraction)
    metrics = {name: _Retried(each, trial, probe) for name, each in scorer.metrics.items()}
    numbers = evaluate(metrics, sides[0], replace(sides[1], generator=probe))
    recipe = plan.recipe
    wanted = recipe.settings.train.stop.metric if recipe.settings.train.stop else "frechet"
    if wanted not in ("frechet", *numbers):
        what = f"no metric gives {wanted!r}{guess(wanted, ['frechet', *numbers])}"
        hint = f"train.stop.metric={suggest(wanted, numbers) or 'frechet'}"
        raise RecipeError([recipe.problem(("train", "stop", "metric"), what)], hint=hint)


class _Unavailable(DataError):
    """A metric needs something that the run will not have."""


@dataclass(frozen=True)
class _FewFeatures(Probe):
    """A probe that computes the features of the first latents and repeats them for the others."""

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        few = slice(0, GENERATED)
        try:
            some = super().features(latents[few], None if labels is None else labels[few])
        except DataError as error:
            raise _Unavailable(error.message, hint=error.hint) from error
        return some[torch.arange(len(latents)) % len(some)]


@dataclass(frozen=True)
class _TrialScore:
    """Metric inputs made from a few real samples on both sides."""

    plan: Plan
    scorer: Scorer
    extraction: Extraction

    @cached_property
    def _few(self) -> tuple[Evaluated, Evaluated]:
        """The real and the generated side."""
        data = self.scorer.real
        stride = max(1, len(data) // (2 * FEW))
        samples, labels = _rows(data, range(0, len(data), stride)[: 2 * FEW])
        count, found = len(samples), []
        for side in (slice(0, None, 2), slice(1, None, 2)) if count >= 4 else (slice(None),) * 2:
            # Generated samples have conditions of the reference: the same as the real side.
            given = slice(0, None, 2) if data.spec.condition and count >= 4 else side
            known = None if labels is None else labels[given][: len(samples[side])]
            found.append(self._side(samples[side], known))
        return found[0], found[1]

    def _side(self, samples: Tensor, labels: Tensor | None) -> Evaluated:
        about = (self.scorer.dataset.id, self.scorer.split)
        return real_side(RealData.of(samples, labels, *about), self.extraction)

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of real and of generated samples in the largest score."""
        budget = self.plan.budget
        return len(self.scorer.real), max(budget.samples, budget.final_samples)

    def sides(self, *most: int) -> tuple[Evaluated, Evaluated]:
        """Return metric inputs of at most these many rows, real and generated."""
        real, fake = self._few
        size = real.samples[0].nbytes
        reals, fakes = (min(count, max(FEW, MANY_BYTES // size)) for count in most)
        real, fake = self._repeated(real, reals), self._repeated(fake, fakes)
        names = self.scorer.dataset.registration.splits
        splits = Splits({name: partial(self._split, name) for name in names}, self.extraction)
        splits.known[self.scorer.split] = real = replace(real, splits=splits)
        if not self.plan.recipe.settings.conditional:
            fake = replace(fake, labels=None)
        return real, fake

    def _repeated(self, side: Evaluated, count: int) -> Evaluated:
        """Return `count` rows, at least two; repeated ones have some noise in their features."""
        features = side.features
        index = torch.arange(max(count, 2)) % len(features)
        random = torch.randn(len(index), features.shape[1], generator=torch.Generator())
        is_repeated = torch.arange(len(index)) >= len(features)
        rows = features[index] + 1e-3 * features.std() * random * is_repeated[:, None]
        labels = None if side.labels is None else side.labels[index]
        logits = self.extraction.class_logits(rows)
        return Evaluated(rows, side.samples[index], labels, logits, extraction=self.extraction)

    def _split(self, name: str) -> RealData:
        try:
            data = self.scorer.other_split(name)
            samples, labels = _rows(data, range(min(FEW, len(data))))
            return RealData.of(samples, labels, self.scorer.dataset.id, name)
        except DataError as error:
            raise _Unavailable(error.message, hint=error.hint) from error


@dataclass(frozen=True)
class _Retried:
    """A metric that is called again with more rows if it fails on few.

    A `DataError` is ignored unless the run itself would cause it. That is so if a score has too few
    samples (the metric succeeds with more), or if labels or logits are missing (the metric succeeds
    with them, or fails with another error). Else its cause may be the dry run: few samples do not
    have all classes.
    """

    metric: Metric
    trial: _TrialScore
    probe: Probe

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        try:
            return self.metric(real, fake)
        except _Unavailable:
            raise
        except Exception:
            real, fake = self._rows(*(min(MANY, count) for count in self.trial.counts))
        try:
            return self.metric(real, fake)
        except DataError as error:
            unavailable = isinstance(error, _Unavailable) or self._misses(error, real, fake)
            if unavailable or self._has_too_few():
                raise
            return {}

    def _rows(self, *counts: int) -> tuple[Evaluated, Evaluated]:
        real, fake = self.trial.sides(*counts)
        return real, replace(fake, generator=self.probe)

    def _has_too_few(self) -> bool:
        """Return whether the metric succeeds with more rows than a score has."""
        if min(self.trial.counts) >= MANY:
            return False
        try:
            self.metric(*self._rows(MANY, MANY))
        except Exception:
            return False
        return True

    def _misses(self, error: DataError, real: Evaluated, fake: Evaluated) -> bool:
        """Return whether the error is about labels or logits that a side does not have."""
        sides = _complete(real), _complete(fake)
        if all(a is b for a, b in zip(sides, (real, fake), strict=True)):
            return False
        try:
            self.metric(*sides)
        except DataError as other:
            return other.message != error.message
        except Exception:
            return True
        return True


def _complete(side: Evaluated) -> Evaluated:
    """Return a side with labels and logits; missing ones get arbitrary values."""
    rows = torch.arange(len(side.features)) % 2
    if side.labels is None:
        side = replace(side, labels=rows)
    if side.class_logits is None:
        side = replace(side, class_logits=one_hot(rows, 10).float())
    return side
