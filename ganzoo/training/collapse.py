"""``train.on_collapse``: compare samples with real ones at every evaluation; report a collapse.

Signs of a collapse are samples that are alike, and values at the ends of their range. The
statistics are compared with those of as many real samples under the same extractor, because real
data has near-duplicates and saturated values too.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
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
from ganzoo.training.ending import hint_lower_lr
from ganzoo.training.processes import Processes
from ganzoo.training.scorer import Scorer
from ganzoo.training.step import GanStep

GRACE_SAMPLES = 2000
"""Report no collapse before D has seen this many real samples: early samples all look alike."""

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

    @property
    def policy(self) -> str:
        """``ignore``, ``warn`` or ``stop``."""
        return self.plan.recipe.settings.train.on_collapse

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
        before, signs = self.collapsed, self.processes.share(self._signs(sampler, step))
        if signs is None:
            return before
        self.collapsed = bool(signs)
        if self.collapsed and not before:
            self._tell("collapsed", step, signs=signs)
            ends = ", where the run ends (train.on_collapse: stop)" if self.policy == "stop" else ""
            self._note(f"collapsed at step {step.iteration}{ends}: {'; '.join(signs)}")
            again = hint_lower_lr(self.plan, self.directory, ("generator",))
            self._note(f"try: {again}   # or add a gradient penalty to its regularizers")
        if before and not self.collapsed:
            self._tell("recovered", step)
            self._note(f"no longer collapsed at step {step.iteration}")
        return self.collapsed

    def _signs(self, sampler: Sampler, step: GanStep) -> list[str] | None:
        """Return the signs of a collapse; None, with a note, for samples that are not finite."""
        if not self.processes.is_main:
            return []
        seed = self.plan.recipe.settings.eval.seed
        try:
            samples = sampler.sample(self.count, seed=seed)
        except Diverged as error:
            self._note(f"not checked for collapse at step {step.iteration}: {error.message}")
            return None
        comparison = self.baseline.compare(self.features(samples), samples)
        signs = comparison.signs() if step.samples_seen >= GRACE_SAMPLES else []
        row = {
            "time": records.utc_now(),
            "attempt": self.directory.attempt,
            "step": step.iteration,
            "samples_seen": step.samples_seen,
            "collapsed": bool(signs),
        }
        records.append(self.directory.health_file, row | comparison.record())
        return signs

    def _tell(self, event: str, step: GanStep, **about: object) -> None:
        if self.processes.is_main:
            self.directory.append_event(event, step=step.iteration, **about)

    def _note(self, text: str) -> None:
        self.reporters.notify("noted", text)


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


@dataclass(frozen=True)
class SampleComparison:
    """Generated samples compared with real ones."""

    count: int
    """Number of samples, real and generated."""
    fake: SampleStats
    real: SampleStats

    def signs(self) -> list[str]:
        """Return the signs of a collapse with the numbers of both sides, or an empty list."""
        fake, real, signs = self.fake, self.real, []
        if fake.distinct < FEWEST_DISTINCT * real.distinct:
            signs.append(
                f"{self.count} samples are as diverse as {fake.distinct:.1f} distinct ones "
                f"(real data: {real.distinct:.1f})"
            )
        if fake.duplicates > real.duplicates + MOST_DUPLICATES * (1 - real.duplicates):
            signs.append(
                f"{fake.duplicates:.0%} of the samples have a near-duplicate "
                f"(real data: {real.duplicates:.0%})"
            )
        if fake.saturated is not None and real.saturated is not None:
            limit = real.saturated + MOST_SATURATED * (1 - real.saturated)
            if fake.saturated > limit:
                signs.append(
                    f"{fake.saturated:.0%} of all values are at an end of their range "
                    f"(real data: {real.saturated:.0%})"
                )
        return signs

    def record(self) -> dict[str, Any]:
        """Return it as a flat record: ``distinct``, ``distinct_real`` and so on."""
        real = {f"{name}_real": value for name, value in asdict(self.real).items()}
        return {"samples": self.count, **asdict(self.fake), **real}


@dataclass(frozen=True)
class RealBaseline:
    """Distances between real samples, which set the scale for generated ones.

    Args:
        features: of the real samples, (N, D).
        samples: the same in stored form, (N, *shape).
    """

    spec: SampleSpec
    features: Tensor
    samples: Tensor

    def compare(self, features: Tensor, samples: Tensor) -> SampleComparison:
        """Compare generated samples with the real ones; features and samples as in the fields."""
        found = self._stats(distances(features), samples)
        return SampleComparison(len(features), found, self._real_stats)

    @cached_property
    def _real(self) -> Tensor:
        return distances(self.features)

    @cached_property
    def _real_stats(self) -> SampleStats:
        return self._stats(self._real, self.samples)

    @cached_property
    def _same(self) -> float:
        of_pairs = self._real[~torch.eye(len(self._real), dtype=torch.bool)]
        return math.sqrt(SAME) * of_pairs.median().item()

    @cached_property
    def _duplicate(self) -> float:
        return DUPLICATE * nearest(self._real).median().item()

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
