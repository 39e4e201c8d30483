"""``train.on_collapse``: compare samples with real ones at every evaluation; report a collapse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.runs import records
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.sampler import Sampler
from ganzoo.scoring.features import Extraction
from ganzoo.training.callbacks import Reporters
from ganzoo.training.ending import hint_lower_lr
from ganzoo.training.processes import Processes
from ganzoo.training.sample_stats import COMPARED, FEWEST_COMPARED, RealBaseline, SampleComparison
from ganzoo.training.scorer import Scorer
from ganzoo.training.step import GanStep

GRACE_SAMPLES = 2000
"""Report no collapse before D has seen this many real samples: early samples all look alike."""


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
        dataset = self.plan.dataset
        stride = len(dataset) // self.count
        samples = torch.stack([dataset[index * stride][0] for index in range(self.count)])
        return RealBaseline(self.plan.spec, self.features(samples), samples)

    def features(self, samples: Tensor) -> Tensor:
        """Return the features of samples in stored form, (N, D), on the CPU."""
        spec = self.plan.spec
        if self.scorer is None:
            return spec.kind.features(spec, samples)
        extraction = Extraction(self.scorer.extractor, spec, self.processes.device)
        return torch.cat(list(extraction.features([samples])))

    def check(self, sampler: Sampler, step: GanStep) -> bool:
        """Compare samples of a generator with real ones; return whether it has collapsed.

        A collapse is reported when it begins and when it ends.
        """
        if self.policy == "ignore" or not self.count:
            return False
        before, signs = self.collapsed, self.processes.share(self._signs(sampler, step))
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

    def _signs(self, sampler: Sampler, step: GanStep) -> list[str]:
        if not self.processes.is_main:
            return []
        seed = self.plan.recipe.settings.eval.seed
        samples = sampler.sample(self.count, seed=seed)
        comparison = self.baseline.compare(self.features(samples), samples)
        signs = comparison.signs() if step.samples_seen >= GRACE_SAMPLES else []
        self._record(comparison, signs, step)
        return signs

    def _record(self, comparison: SampleComparison, signs: list[str], step: GanStep) -> None:
        row = {
            "time": records.utc_now(),
            "attempt": self.directory.attempt,
            "step": step.iteration,
            "samples_seen": step.samples_seen,
            "collapsed": bool(signs),
        }
        records.append(self.directory.health_file, row | comparison.record())

    def _tell(self, event: str, step: GanStep, **about: object) -> None:
        if self.processes.is_main:
            self.directory.append_event(event, step=step.iteration, **about)

    def _note(self, text: str) -> None:
        self.reporters.notify("noted", text)
