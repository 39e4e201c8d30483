"""``train.on_collapse``: compare samples with real ones at every evaluation; report a collapse.

Signs of a collapse are samples that are alike, and values at the ends of their range. The
statistics are compared with those of as many real samples under the same extractor, because real
data has near-duplicates and saturated values too. `History` decides when signs are a collapse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.components.build import blaming_modality
from ganzoo.components.data import spread_samples
from ganzoo.components.plan import Plan
from ganzoo.errors import Diverged
from ganzoo.runs import records
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.sampler import Sampler
from ganzoo.scoring.features import Extraction
from ganzoo.training.callbacks import Reporters
from ganzoo.training.ending import hint_against_collapse
from ganzoo.training.processes import Processes
from ganzoo.training.scorer import Scorer
from ganzoo.training.step import GanStep

GRACE_SAMPLES = 2000
"""Evaluations before D has seen this many real samples are recorded and not judged."""

COMPARED = 256
"""Samples to compare, real and generated."""

FEWEST_COMPARED = 32
"""With fewer samples the statistics mean little."""

SAME = 0.1
"""Squared distance of two samples that count as one, in median squared distances of real data."""

DUPLICATE = 0.1
"""Distance of near-duplicates, in median distances of a real sample to its nearest neighbour."""

FEWEST_DISTINCT = 0.33
MOST_DUPLICATES = 0.5
MOST_SATURATED = 0.5
"""Thresholds of `SampleComparison.signs`."""

RISE = 1.2
"""Diversity rises if it grows by this factor."""

FALL = 0.5
"""Diversity has fallen if it is at most this share of the largest so far."""

RECOVERY = 2
"""Diversity recovers from a fall once it is this many times its lowest value since."""

FALL_SAMPLES = 10_000
"""Samples without a sign after which diversity counts as reached, and samples over which a fall
must last if there was a sign within as many samples before it."""

PLATEAU_EVALUATIONS = 4
PLATEAU_FACTOR = 3
PLATEAU_SAMPLES = 50_000
"""Diversity that was never reached is stuck after this many evaluations without a rise, at this
multiple of the samples seen at the last rise, and not before this many samples: at a low learning
rate a healthy generator needs 20,000 samples before its own begin to differ, and on points in the
plane one spreads out, loses nine tenths of its diversity, and has it back after 55,000."""


# --- the monitor ---


@dataclass
class CollapseMonitor:
    """Compares generated samples with real ones by the scorer's extractor, or as they are.

    Rank 0 compares; all ranks get the result.
    """

    plan: Plan
    directory: RunDirectory
    processes: Processes
    reporters: Reporters
    scorer: Scorer | None = None
    collapsed: bool = False
    """The result of the last check."""
    checked: int | None = None
    """Step of the last check."""
    history: History = field(default_factory=lambda: History())

    def go_to(self, step: int) -> None:
        """Restore the state after the evaluations up to a step, from ``health.jsonl``."""
        rows = self.directory.health() if self.processes.is_main else []
        self.history, checked = History(), None
        for row in rows:
            if row["step"] <= step and (known := SampleComparison.of(row)):
                self.history.add(known, row["samples_seen"])
                checked = row["step"]
        self.collapsed, self.checked = self.processes.share((self.history.collapsed, checked))

    @property
    def policy(self) -> str:
        """``ignore``, ``warn`` or ``stop``."""
        return self.plan.recipe.settings.train.on_collapse

    def is_due(self, step: int) -> bool:
        """Return whether a check at this step is missing."""
        return self.policy != "ignore" and self.count > 0 and self.checked != step

    @cached_property
    def count(self) -> int:
        """Number of samples to compare; 0 if there is too little real data."""
        count = min(COMPARED, len(self.plan.dataset))
        return count if count >= FEWEST_COMPARED else 0

    @cached_property
    def baseline(self) -> RealBaseline:
        """Statistics of the real data, computed once."""
        samples, _ = spread_samples(self.plan.dataset, self.count)
        return RealBaseline(self.plan.spec, self.features(samples), samples)

    def features(self, samples: Tensor) -> Tensor:
        """Return the features of samples in stored form, (N, D), on the CPU."""
        spec = self.plan.spec
        if self.scorer is None:
            with blaming_modality(spec, "features"):
                return spec.kind.features(spec, samples)
        name = self.scorer.extractor_plan.id
        extraction = Extraction(self.scorer.extractor, spec, self.processes.device, name=name)
        return torch.cat(list(extraction.features([samples])))

    def check(self, sampler: Sampler, step: GanStep) -> bool:
        """Compare samples of a generator with real ones; return whether it has collapsed.

        A collapse is reported when it begins and when it ends.
        """
        if self.policy == "ignore" or not self.count:
            return False
        if self.checked is not None and self.checked >= step.iteration:
            self.go_to(step.iteration - 1)  # this step is evaluated again
        before, found = self.collapsed, self.processes.share(self._compare(sampler, step))
        if found is None:
            return before
        self.collapsed, signs = found
        self.checked = step.iteration
        if self.collapsed and not before:
            if self.processes.is_main:
                hint = hint_against_collapse(self.plan, self.directory, step.parts)
                self._tell("collapsed", step, signs=signs, hint=hint)
            ends = ", where the run ends (train.on_collapse: stop)" if self.policy == "stop" else ""
            self._note(f"collapsed at step {step.iteration}{ends}: {'; '.join(signs)}")
            if self.policy == "warn" and self.processes.is_main:
                self._note(f"try: {hint}")
        if before and not self.collapsed:
            self._tell("recovered", step)
            self._note(f"no longer collapsed at step {step.iteration}")
        return self.collapsed

    def _compare(self, sampler: Sampler, step: GanStep) -> tuple[bool, list[str]] | None:
        """Return whether the samples have collapsed, and the signs.

        None, with a note, for samples that are not finite.
        """
        if not self.processes.is_main:
            return None
        seed = self.plan.recipe.settings.eval.seed
        try:
            samples = sampler.sample(self.count, seed=seed)
        except Diverged as error:
            self._note(f"not checked for collapse at step {step.iteration}: {error.message}")
            return None
        comparison = self.baseline.compare(self.features(samples), samples)
        collapsed = self.history.add(comparison, step.samples_seen)
        row = {
            "time": records.utc_now(),
            "attempt": self.directory.attempt,
            "step": step.iteration,
            "samples_seen": step.samples_seen,
            "collapsed": collapsed,
        }
        records.append(self.directory.health_file, row | comparison.record())
        return collapsed, comparison.signs()

    def _tell(self, event: str, step: GanStep, **about: object) -> None:
        if self.processes.is_main:
            self.directory.append_event(event, step=step.iteration, **about)

    def _note(self, text: str) -> None:
        self.reporters.notify("noted", text)


@dataclass
class History:
    """Decides whether a run has collapsed, from its evaluations in order.

    A young generator's samples are all alike too, but they are not equal, and they become more
    diverse. So a collapse is signs at two evaluations in a row, while diversity does not rise, and
    one of: near-duplicates or saturated values, which healthy young generators do not have; a
    diversity that was above the threshold for long, fell to half of what it was and does not
    recover, at once if there was no sign for long, otherwise after as long; one that was not, is
    stuck and does not recover either.

    Diversity is the number of distinct samples as a share of that of real data.
    """

    collapsed: bool = False
    """Whether the last evaluation found a collapse. It lasts until one has no sign."""
    largest: float = 0.0
    """Largest diversity so far."""
    risen_to: float = 0.0
    risen_at: int = 0
    """Diversity and samples seen at its last rise."""
    since_rise: int = 0
    """Number of evaluations since then."""
    signs_since: int | None = None
    """Samples seen at the first of the evaluations in a row that have a sign."""
    lowest: float = math.inf
    """Lowest diversity since then."""
    clear_since: int | None = None
    """Samples seen at the first of the evaluations in a row that have no sign."""
    was_clear: bool = False
    """Whether there was no sign for `FALL_SAMPLES` before the first that is there now."""
    reached: bool = False
    """Whether there ever was no sign for `FALL_SAMPLES`."""
    previous: SampleComparison | None = None

    def add(self, now: SampleComparison, samples_seen: int) -> bool:
        """Add an evaluation; return whether the run has collapsed."""
        if samples_seen < GRACE_SAMPLES:
            return False
        self.largest = max(self.largest, now.diversity)
        self.since_rise += 1
        if now.diversity >= RISE * self.risen_to:
            self.risen_to, self.risen_at, self.since_rise = now.diversity, samples_seen, 0
        before, self.previous = self.previous, now
        self._follow_signs(now, samples_seen)
        if not now.signs() or self.collapsed:
            self.collapsed = self.collapsed and bool(now.signs())
        elif before is not None and before.signs():
            self.collapsed = self._is_collapse(before, now, samples_seen)
        return self.collapsed

    def _follow_signs(self, now: SampleComparison, samples_seen: int) -> None:
        if not now.signs():
            self.signs_since, self.lowest = None, math.inf
            self.clear_since = samples_seen if self.clear_since is None else self.clear_since
            return
        if self.signs_since is None:
            clear = 0 if self.clear_since is None else samples_seen - self.clear_since
            self.signs_since, self.clear_since = samples_seen, None
            self.was_clear = clear >= FALL_SAMPLES
            self.reached = self.reached or self.was_clear
        self.lowest = min(self.lowest, now.diversity)

    def _is_collapse(
        self, before: SampleComparison, now: SampleComparison, samples_seen: int
    ) -> bool:
        """Return whether two evaluations in a row with signs are a collapse."""
        rises = now.is_uniform and now.diversity >= RISE * before.diversity
        if all(each.is_duplicated or each.is_saturated for each in (before, now)):
            return not rises
        recovers = now.diversity > RECOVERY * self.lowest
        if self.reached:
            lasted = samples_seen - (self.signs_since or 0)
            has_fallen = not recovers and now.diversity <= FALL * self.largest
            return has_fallen and (self.was_clear or lasted >= FALL_SAMPLES)
        return (
            not (rises or recovers)
            and self.since_rise >= PLATEAU_EVALUATIONS
            and samples_seen >= max(PLATEAU_FACTOR * self.risen_at, PLATEAU_SAMPLES)
        )


# --- statistics ---


@dataclass(frozen=True)
class SampleStats:
    """Statistics of real or of generated samples."""

    distinct: float
    """Effective number of distinct samples, from 1 to their count: `effective_number`."""
    duplicates: float
    """Share of samples that have a near-duplicate among the others."""
    saturated: float | None
    """Share of values at an end of their range; None for data without a range."""

    @classmethod
    def of(cls, record: Mapping[str, Any], suffix: str) -> SampleStats:
        """Return the statistics in a record of `SampleComparison`."""
        names = ("distinct", "duplicates", "saturated")
        distinct, duplicates, saturated = (record[name + suffix] for name in names)
        part = None if saturated is None else float(saturated)
        return cls(float(distinct), float(duplicates), part)


@dataclass(frozen=True)
class SampleComparison:
    """Generated samples compared with real ones."""

    count: int
    """Number of samples, real and generated."""
    fake: SampleStats
    real: SampleStats

    @property
    def diversity(self) -> float:
        """Number of distinct samples as a share of that of real data."""
        return self.fake.distinct / max(self.real.distinct, 1.0)

    @property
    def is_uniform(self) -> bool:
        """Whether the samples are at most a third as diverse as real ones."""
        return self.diversity < FEWEST_DISTINCT

    @property
    def is_duplicated(self) -> bool:
        """Whether at least half of the samples that could be unique have a near-duplicate."""
        return self.fake.duplicates > _towards_one(self.real.duplicates, MOST_DUPLICATES)

    @property
    def is_saturated(self) -> bool:
        """Whether at least half of the values that could be inside their range are at an end."""
        if self.fake.saturated is None or self.real.saturated is None:
            return False
        return self.fake.saturated > _towards_one(self.real.saturated, MOST_SATURATED)

    def signs(self) -> list[str]:
        """Return the signs of a collapse with the numbers of both sides, or an empty list."""
        fake, real, signs = self.fake, self.real, []
        if self.is_uniform:
            signs.append(
                f"{self.count} samples are as diverse as {fake.distinct:.1f} distinct ones "
                f"(real data: {real.distinct:.1f})"
            )
        if self.is_duplicated:
            signs.append(
                f"{fake.duplicates:.0%} of the samples have a near-duplicate "
                f"(real data: {real.duplicates:.0%})"
            )
        if self.is_saturated:
            signs.append(
                f"{fake.saturated:.0%} of all values are at an end of their range "
                f"(real data: {real.saturated:.0%})"
            )
        return signs

    def record(self) -> dict[str, Any]:
        """Return it as a flat record: ``distinct``, ``distinct_real`` and so on."""
        real = {f"{name}_real": value for name, value in asdict(self.real).items()}
        return {"samples": self.count, **asdict(self.fake), **real}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> SampleComparison | None:
        """Return what `record` wrote; None for a record of another form."""
        try:
            sides = [SampleStats.of(record, suffix) for suffix in ("", "_real")]
            return cls(int(record["samples"]), *sides)
        except (KeyError, TypeError, ValueError, OverflowError):
            return None


def _towards_one(value: float, share: float) -> float:
    """Return the value that is this share of the way from `value` to 1."""
    return value + share * (1 - value)


class RealBaseline:
    """Distances between real samples, which set the scale for generated ones.

    Args:
        features: of the real samples, (N, D).
        samples: the same in stored form, (N, *shape).
    """

    def __init__(self, spec: SampleSpec, features: Tensor, samples: Tensor) -> None:
        self.spec = spec
        real = distances(features)
        of_pairs = real[~torch.eye(len(real), dtype=torch.bool)]
        self._same = math.sqrt(SAME) * of_pairs.median().item()
        self._duplicate = DUPLICATE * nearest(real).median().item()
        self._real = self._stats(real, samples)

    def compare(self, features: Tensor, samples: Tensor) -> SampleComparison:
        """Compare generated samples with the real ones; features and samples as of those."""
        found = self._stats(distances(features), samples)
        return SampleComparison(len(features), found, self._real)

    def _stats(self, between: Tensor, samples: Tensor) -> SampleStats:
        return SampleStats(
            distinct=effective_number(between, self._same),
            duplicates=(nearest(between) <= self._duplicate).double().mean().item(),
            saturated=self.spec.kind.saturated(samples),
        )


def effective_number(distances: Tensor, same: float) -> float:
    """Return how many distinct samples are as diverse as these: N^2 / sum_ij exp(-d_ij^2 / same^2).

    Between 1, where all are alike, and N, where all are far apart: the Vendi score of order 2 under
    a Gaussian kernel of variance same^2 (Pasarkar & Dieng 2023, arXiv:2310.12952).

    Args:
        distances: (N, N), zeros on the diagonal.
        same: distance up to about which two samples count as one; at 0 only equal ones do.
    """
    alike = torch.exp(-(distances / same).square()) if same > 0 else (distances == 0).double()
    return len(distances) ** 2 / alike.sum().item()


def distances(features: Tensor) -> Tensor:
    """Return the Euclidean distances of all pairs, (N, N), float64.

    Not by the inner products that are faster: near-duplicates would be rounded to anything.
    """
    features = features.double()
    return torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")


def nearest(distances: Tensor) -> Tensor:
    """Return each sample's distance to its nearest neighbour."""
    return (distances + torch.diag(torch.full((len(distances),), math.inf))).min(dim=1).values
