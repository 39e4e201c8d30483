"""``train.on_collapse``: looks at samples at every evaluation, and says if they have collapsed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.runs import records
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.sampler import Sampler
from ganzoo.scoring.extraction import Extraction
from ganzoo.training.callbacks import Reporters
from ganzoo.training.ending import hint_lower_lr
from ganzoo.training.processes import Processes
from ganzoo.training.sample_stats import FEWEST_WATCHED, WATCHED, Health, Yardstick, plain_features
from ganzoo.training.scorer import Scorer
from ganzoo.training.step import GanStep

YOUNG_IMAGES = 2000
"""Until a run has shown so many images a generator has not collapsed, it has not begun: nothing is
said of it."""


@dataclass
class Watch:
    """Compares samples with real ones. Without a scorer's extractor it compares them as they are.

    Rank 0 looks; all ranks hear what it saw.
    """

    plan: Plan
    directory: RunDirectory
    processes: Processes
    reporters: Reporters
    scorer: Scorer | None = None
    collapsed: bool = False
    """What the last look said."""

    @property
    def policy(self) -> str:
        """``ignore``, ``warn`` or ``stop``."""
        return self.plan.recipe.settings.train.on_collapse

    @cached_property
    def count(self) -> int:
        """How many samples are looked at; 0 where there is too little real data to compare."""
        count = min(WATCHED, len(self.plan.dataset))
        return count if count >= FEWEST_WATCHED else 0

    @cached_property
    def yardstick(self) -> Yardstick:
        """The real data, looked at once."""
        dataset = self.plan.dataset
        stride = len(dataset) // self.count
        samples = torch.stack([dataset[index * stride][0] for index in range(self.count)])
        return Yardstick(self.plan.spec, self.features(samples), samples)

    def features(self, samples: Tensor) -> Tensor:
        """Return the features of samples in stored form, (N, D), on the CPU."""
        spec = self.plan.spec
        if self.scorer is None:
            return plain_features(spec, samples)
        extraction = Extraction(self.scorer.extractor, spec, self.processes.device)
        return torch.cat(list(extraction.features([samples])))

    def look(self, sampler: Sampler, step: GanStep) -> bool:
        """Look at samples of a generator, and tell what is seen; return whether it has collapsed.

        A collapse is told of when it begins, and when it is over.
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
        health = self.yardstick.health(self.features(samples), samples)
        signs = health.signs() if step.samples_seen >= YOUNG_IMAGES else []
        self._write_down(health, signs, step)
        return signs

    def _write_down(self, health: Health, signs: list[str], step: GanStep) -> None:
        row = {
            "time": records.utc_now(),
            "attempt": self.directory.attempt,
            "step": step.iteration,
            "samples_seen": step.samples_seen,
            "collapsed": bool(signs),
        }
        records.append(self.directory.health_file, row | health.record())

    def _tell(self, event: str, step: GanStep, **about: object) -> None:
        if self.processes.is_main:
            self.directory.append_event(event, step=step.iteration, **about)

    def _note(self, text: str) -> None:
        self.reporters.notify("noted", text)
