"""The life of a run: step, log, draw, score, save, stop; then the final scores."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import Any

import torch
from torch import Tensor

from ganzoo.build.plan import Plan
from ganzoo.engine.pictures import save_picture
from ganzoo.engine.processes import Processes, mean_over_ranks
from ganzoo.engine.remarks import remarks
from ganzoo.engine.reporter import Reporters
from ganzoo.engine.sampling import Sampler
from ganzoo.engine.scorer import Scorer
from ganzoo.engine.signals import StopFlag
from ganzoo.engine.state import read_network, write_state
from ganzoo.engine.step import GanStep
from ganzoo.errors import CheckpointError, DiskFull, GanzooError, UsageError
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.files import NoRoom
from ganzoo.runs.score import Sampling, Score

GRID_SAMPLES = 64
PLOT_SAMPLES = 2048
MAX_FULL_DISKS = 3
"""So many saves in a row may find the disk full before the run gives up."""


@dataclass
class Trainer:
    """Everything a run needs, put together by `ganzoo.engine.launch`."""

    plan: Plan
    step: GanStep
    directory: RunDirectory
    store: CheckpointStore
    processes: Processes
    reporters: Reporters
    flag: StopFlag
    scorer: Scorer | None = None
    best: Score | None = None
    evaluations_since_best: int = 0
    full_disks: int = 0
    pending: dict[str, list[Tensor]] = field(default_factory=dict)
    clock: float = field(default_factory=time.monotonic)
    clock_images: int = 0

    def run(self) -> str:
        """Train to the end of the budget and score; return ``finished`` or ``stopped``.

        Raises:
            Interrupted, Unfinished: a signal or the time limit; the state is saved.
            Diverged, CheckpointError, DiskFull: as they say.
        """
        budget = self.plan.budget
        for remark in remarks(self.plan, self.step):
            self.reporters.tell("noted", remark)
        self.draw_real()
        ended = self.owes_an_evaluation() and self.evaluate()
        self.clock, self.clock_images = time.monotonic(), self.step.images_seen
        while self.step.step < budget.steps and not ended:
            self.remember(self.step())
            now = self.step.step
            self.reporters.tell("ticked", now)
            last = now == budget.steps
            if last or now % budget.log_every == 0:
                self.log()
            if last or now % budget.sample_every == 0:
                self.draw()
            if last or now % budget.eval_every == 0:
                ended = self.evaluate()
            if last or ended or now % budget.save_every == 0:
                self.save(needed=last or ended)
            self.stop_if_asked()
        self.score_at_the_end()
        return "stopped" if ended else "finished"

    # --- log ---

    def remember(self, terms: dict[str, Tensor]) -> None:
        for name, value in terms.items():
            self.pending.setdefault(name, []).append(value)

    def log(self) -> None:
        """Write the means since the last log, over all ranks, in one transfer from the device."""
        if not self.pending:
            return
        names = list(self.pending)
        means = torch.stack([torch.stack(self.pending[name]).mean() for name in names])
        values = dict(zip(names, mean_over_ranks(means).tolist(), strict=True))
        self.pending.clear()
        seconds = time.monotonic() - self.clock
        rate = (self.step.images_seen - self.clock_images) / max(seconds, 1e-9)
        self.clock, self.clock_images = time.monotonic(), self.step.images_seen
        if self.processes.is_main:
            row = {
                "step": self.step.step,
                "images_seen": self.step.images_seen,
                "images_per_second": round(rate, 1),
            }
            self.directory.append_metrics(row | values)
        terms = values | {"images_per_second": rate}
        self.reporters.tell("stepped", self.step.step, self.step.images_seen, terms)

    # --- pictures ---

    def sampler(self) -> Sampler:
        """Return the sampler of the averaged generator, or of G itself if there is no average."""
        generator = self.step.ema.module if self.step.ema else self.step.parts.generator
        return Sampler(
            generator,
            self.plan.spec,
            self.step.parts.latent,
            self.step.label_law,
            self.processes.device,
        )

    def draw(self) -> None:
        """Save samples from the same latents as every time."""
        if not self.processes.is_main:
            return
        count = PLOT_SAMPLES if self.plan.spec.modality == "vector" else GRID_SAMPLES
        samples = self.sampler().sample(count, seed=self.plan.recipe.settings.seed)
        path = self.directory.samples_directory / f"step-{self.step.step:08d}.png"
        save_picture(path, self.plan.spec, samples, self.some_real())

    def draw_real(self) -> None:
        """Save real samples once, to compare with."""
        path = self.directory.samples_directory / "real.png"
        if self.processes.is_main and not path.exists():
            save_picture(path, self.plan.spec, self.some_real())

    def some_real(self) -> Tensor:
        """Return a few real samples in stored form, the same ones every time."""
        dataset = self.plan.dataset
        wanted = PLOT_SAMPLES if self.plan.spec.modality == "vector" else GRID_SAMPLES
        count = min(wanted, len(dataset))
        stride = len(dataset) // count
        return torch.stack([dataset[index * stride][0] for index in range(count)])

    # --- scores ---

    def owes_an_evaluation(self) -> bool:
        """Return whether the run was stopped in the evaluation of the step that it goes on from."""
        now, budget = self.step.step, self.plan.budget
        if not now or (now % budget.eval_every and now != budget.steps):
            return False
        scored = any(
            score.sampling and score.sampling.selected == "during" and step_of(score) == now
            for score in self.directory.scores()
        )
        return not self.processes.share(scored)

    def evaluate(self) -> bool:
        """Score the generator as it is; return whether patience has run out."""
        if self.scorer is None:
            return False
        score = self.score(self.plan.budget.samples, "during")
        self.record(score)
        stop = self.plan.recipe.settings.train.stop
        if self.best is None or measure(score, stop) < measure(self.best, stop):
            self.best, self.evaluations_since_best = score, 0
            self.save()
        else:
            self.evaluations_since_best += 1
        return stop is not None and self.evaluations_since_best >= stop.patience_evals

    def score(self, count: int, selected: str, checkpoint: Checkpoint | None = None) -> Score:
        """Return the score of the generator in memory."""
        settings = self.plan.recipe.settings
        sampling = Sampling(
            weights="ema" if self.step.ema else "raw",
            batch_norm="eval",
            truncation=None,
            labels=settings.labels if settings.conditional else None,
            step=self.step.step,
            images_seen=self.step.images_seen,
            checkpoint_sha256=checkpoint.sha256 if checkpoint else None,
            selected=selected,
            seed=settings.eval.seed,
        )
        return self.score_or_stop(self.sampler(), count, sampling)

    def score_or_stop(self, sampler: Sampler, count: int, sampling: Sampling) -> Score:
        """Return the score of a sampler; told to stop meanwhile, save and raise instead."""
        assert self.scorer is not None
        try:
            watched = replace(sampler, watch=self.flag.look)
            return self.scorer.score_generator(watched, count, sampling)
        except GanzooError:
            self.stop_if_asked()
            raise

    def record(self, score: Score) -> None:
        if self.processes.is_main:
            self.directory.append_score(score)
        self.reporters.tell("scored", step_of(score), score)

    def score_at_the_end(self) -> None:
        """Score the final and the best checkpoint under one protocol."""
        if self.scorer is None:
            return
        count = self.plan.budget.final_samples
        final = self.score(count, "final", self.store.at(self.step.step))
        self.record(final)
        if self.best is None or step_of(self.best) == step_of(final):
            assert final.sampling is not None
            self.record(replace(final, sampling=replace(final.sampling, selected="best")))
            return
        try:
            checkpoint = self.store.at(step_of(self.best))
        except CheckpointError as error:
            self.reporters.tell("noted", f"the best checkpoint is not scored again: {error}")
            return
        sampler = replace(self.sampler(), generator=deepcopy(self.sampler().generator))
        name = "ema" if self.step.ema else "generator"
        read_network(sampler.generator, checkpoint.file(f"{name}.safetensors"))
        assert self.best.sampling is not None
        about = replace(self.best.sampling, selected="best", checkpoint_sha256=checkpoint.sha256)
        self.record(self.score_or_stop(sampler, count, about))

    # --- checkpoints and the end ---

    def save(self, *, needed: bool = False) -> None:
        """Publish a checkpoint, then prune.

        A full disk is survived twice in a row, but not where the checkpoint is `needed`: by what
        comes at the end, or by whoever goes on.

        Raises:
            DiskFull: as said.
            CheckpointError: a weight is not finite.
        """
        if not self.processes.is_main:
            self.processes.wait()
            return
        step = self.step.step
        try:
            checkpoint = self.store.publish(
                step,
                lambda path: write_state(self.step, path),
                images_seen=self.step.images_seen,
                world_size=self.processes.world_size,
            )
        except NoRoom as error:
            self.full_disks += 1
            if needed or self.full_disks >= MAX_FULL_DISKS:
                times = f", {self.full_disks} times in a row" if self.full_disks > 1 else ""
                raise DiskFull(
                    f"{error.strerror}{times}",
                    hint=f"make room, then: ganzoo resume {quote(str(self.directory.path))}",
                ) from error
            self.reporters.tell("noted", f"{error.strerror}; going on without this checkpoint")
        else:
            self.full_disks = 0
            self.directory.append_event("saved", step=step)
            self.reporters.tell("saved", step, checkpoint.path)
            self.store.prune({step_of(self.best)} if self.best else ())
        self.processes.wait()

    def stop_if_asked(self) -> None:
        """Save and raise if any rank was told to stop."""
        if not self.processes.any(self.flag.reason is not None):
            return
        self.save(needed=True)
        raise self.stopped()

    def stopped(self) -> GanzooError:
        return self.flag.error(quote(str(self.directory.path)), self.step.step)


def step_of(score: Score) -> int:
    """Return the generator step of a score of a run."""
    assert score.sampling is not None
    return score.sampling.step


def measure(score: Score, stop: Any) -> float:
    """Return the number that best checkpoints are chosen by; lower is better.

    It is the Fréchet distance unless ``train.stop.metric`` names another.

    Raises:
        UsageError: the recipe's metrics give no such number.
    """
    if stop is None or stop.metric == "frechet":
        return score.value
    if stop.metric not in score.metrics:
        known = ", ".join(["frechet", *score.metrics])
        raise UsageError(f"train.stop.metric: no number called {stop.metric!r}", hint=known)
    return score.metrics[stop.metric]


def previous_best(scores: list[Score], step: int, stop: Any) -> tuple[Score | None, int]:
    """Return the best score during training up to `step`, and the evaluations since it."""
    latest = {
        step_of(score): score
        for score in scores
        if score.sampling and score.sampling.selected == "during" and step_of(score) <= step
    }
    ordered = [latest[key] for key in sorted(latest)]
    if not ordered:
        return None, 0
    best = min(range(len(ordered)), key=lambda index: measure(ordered[index], stop))
    return ordered[best], len(ordered) - 1 - best
