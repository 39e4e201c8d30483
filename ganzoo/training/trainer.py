"""A run from its first step to its end: step, log, save, draw, score, stop, final scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shlex import quote

from ganzoo.components.plan import Plan
from ganzoo.errors import CheckpointError, Diverged, GanzooError, PluginError
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Sampling, Score
from ganzoo.sampling.sampler import Sampler
from ganzoo.training.callbacks import Gallery, MetricsLogger, Reporters
from ganzoo.training.checkpointing import CheckpointManager, measure, previous_best, usable
from ganzoo.training.collapse import CollapseMonitor
from ganzoo.training.ending import StopFlag, hint_after_repair, hint_lower_lr, renamed
from ganzoo.training.nonfinite import NonFinitePolicy, NotFinite
from ganzoo.training.processes import Processes, end_later
from ganzoo.training.sampled import sampler_of, sampling_record
from ganzoo.training.scorer import Scorer
from ganzoo.training.startup_notes import TimeEstimate, startup_notes
from ganzoo.training.step import GanStep


@dataclass
class Trainer:
    """Everything a run needs, put together by `ganzoo.training.launch`.

    Args:
        resumed_at: step of the checkpoint from which `step` was restored, if it was.
    """

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
    resumed_at: int | None = None

    def __post_init__(self) -> None:
        parts = (self.directory, self.processes, self.reporters)
        self.checkpoints = CheckpointManager(self.store, *parts, saved_step=self.resumed_at)
        self.nonfinite = NonFinitePolicy(self.plan, *parts)
        self.collapse_monitor = CollapseMonitor(self.plan, *parts, self.scorer)
        if self.resumed_at is not None:
            self.collapse_monitor.go_to(self.resumed_at)
        self.metrics = MetricsLogger(*parts)
        self.gallery = Gallery(self.plan, self.directory, self.processes)
        self.estimate = TimeEstimate(self.processes.device, scored=self.scorer is not None)
        self.noted: set[str] = set()

    def run(self) -> str:
        """Train to the end of the budget and score.

        Returns:
            ``finished``; ``stopped`` if patience ran out; ``collapsed`` if the samples collapsed
            and the recipe says to stop then.

        Raises:
            Interrupted, Unfinished: a signal or the time limit; the state is saved.
            Diverged, CheckpointError, DiskFull: the run cannot continue.
        """
        for note in startup_notes(self.plan, self.step):
            self.reporters.notify("noted", note)
        self.tell_pictured(self.gallery.draw_real())
        ended = self.evaluate() if self.owes_an_evaluation() else self.owed_end()
        self.metrics.start_clock(self.step.samples_seen)
        if self.nonfinite.policy == "rollback" and self.step.iteration == 0:
            self.save()  # a checkpoint to go back to
        while self.step.iteration < self.plan.budget.steps and ended is None:
            try:
                self.metrics.add(self.step())
                ended = self.after_step()
                self.stop_if_asked()
            except NotFinite as found:
                self.go_back_or_end(found)
        if self.scorer is not None:
            with self.resumable():
                self.score_final_and_best()
        return ended or "finished"

    def after_step(self) -> str | None:
        """Do what is due after a step; return why the run ends here, if it does."""
        step = self.step
        if step.skipped:
            self.nonfinite.record_skipped(step.skipped)
            step.skipped.clear()
        if step.graphs and (refusal := step.graphs.take_refusal()):
            self.reporters.notify("noted", f"updates are not captured as CUDA graphs: {refusal}")
        self.reporters.notify("ticked", step.iteration)
        budget = self.plan.budget.steps
        if words := self.estimate.after_step(step.iteration, step.samples_seen, budget):
            self.reporters.notify("noted", words)
        due, ended = self.due(), None
        if due:
            step.check_finite()
            self.directory.follow()
        if "log" in due:
            self.metrics.write(step.iteration, step.samples_seen)
        # Before samples are drawn and scored: an extractor or a metric that fails ends the run.
        if "save" in due or ("evaluate" in due and self.scorer is not None):
            self.save(needed=step.iteration == self.plan.budget.steps)
        if "draw" in due:
            self.draw()
        if "evaluate" in due:
            ended = self.evaluate()
        if ended:
            self.save(needed=True)
        if due - {"log"}:
            self.estimate.restart()
        return ended

    def draw(self) -> None:
        """Write a preview of what the generator makes now."""
        with self.resumable():
            try:
                paths = self.gallery.draw(self.step.iteration, self.step.sampler())
            except Diverged as error:
                note = f"no preview at step {self.step.iteration}: {error.message}"
                self.reporters.notify("noted", note)
            else:
                self.tell_pictured(paths)

    def tell_pictured(self, paths: list[Path]) -> None:
        if paths:
            self.reporters.notify("pictured", self.step.iteration, paths)

    @contextmanager
    def resumable(self) -> Iterator[None]:
        """Say how to go on after a plugin failed inside; the state was saved before."""
        try:
            yield
        except PluginError as error:
            if self.step.iteration == self.checkpoints.saved_step:
                error.hint = hint_after_repair(self.plan, self.directory)
            raise

    def due(self) -> set[str]:
        """Return what is due after the present step; at the end of the budget everything is."""
        budget, now = self.plan.budget, self.step.iteration
        every = {
            "log": budget.log_every,
            "draw": budget.sample_every,
            "evaluate": budget.eval_every,
            "save": budget.save_every,
        }
        return {what for what, n in every.items() if now == budget.steps or now % n == 0}

    def go_back_or_end(self, found: NotFinite) -> None:
        """Go back to a checkpoint and forget what came after it, or raise Diverged."""
        go_back = partial(self.checkpoints.go_back, self.step)
        self.nonfinite.handle(found.report, self.step.rollbacks, go_back)
        self.metrics.reset(self.step.samples_seen)
        self.estimate.restart()
        self.collapse_monitor.go_to(self.step.iteration)
        self.best, self.evaluations_since_best = previous_best(
            self.directory.scores(), self.step.iteration, self.plan.recipe.settings.train.stop
        )

    # --- scores ---

    def owes_an_evaluation(self) -> bool:
        """Return whether the run was stopped during the evaluation of the step it resumes from."""
        now, budget = self.step.iteration, self.plan.budget
        elsewhere = now % budget.eval_every and now != budget.steps
        if not now or elsewhere:
            return False
        if self.scorer is None:
            return self.collapse_monitor.is_due(now)
        scores = self.directory.scores()
        scored = any(each.selected == "during" and each.step == now for each in scores)
        return not self.processes.share(scored)

    def owed_end(self) -> str | None:
        """Return why the run ends at the step it resumes from, if it was stopped before it did."""
        monitor, now = self.collapse_monitor, self.step.iteration
        ended = monitor.collapsed and monitor.checked == now and monitor.policy == "stop"
        events = self.directory.events() if ended and self.processes.is_main else []
        done = any(each.get("event") == "finished" and each.get("step") == now for each in events)
        return self.processes.share("collapsed" if ended and not done else None)

    def evaluate(self) -> str | None:
        """Check for collapse and score; return why the run ends here, if it does."""
        with self.resumable():
            collapsed = self.collapse_monitor.check(self.step.sampler(), self.step)
            impatient = self.scorer is not None and self.compare_with_best()
        if collapsed and self.collapse_monitor.policy == "stop":
            return "collapsed"
        return "stopped" if impatient else None

    def compare_with_best(self) -> bool:
        """Score the present generator and keep the best; return whether patience has run out."""
        score = self.score(self.plan.budget.samples, "during")
        self.record(score)
        wanted, best = self.plan.recipe.settings.train.stop, self.best
        stop = usable(wanted, score)
        if wanted and stop is None:
            off = f"early stopping is off: no metric gives {wanted.metric!r} any more"
            self.note_once([f"{off}; the best checkpoint has the lowest Fréchet distance"])
        if best is not None and best.protocol != score.protocol:
            best = None  # scores under two protocols cannot be compared: the data may have changed
        better = best is None or measure(score, stop) < measure(best, stop)
        if better and self.save():
            self.best, self.evaluations_since_best = score, 0
        else:
            self.evaluations_since_best += 1
        return stop is not None and self.evaluations_since_best >= stop.patience_evals

    def score(self, count: int, selected: str, checkpoint: Checkpoint | None = None) -> Score:
        """Return the score of the generator in memory."""
        about = (self.step.sampling, self.step.iteration, self.step.samples_seen)
        settings = self.plan.recipe.settings
        sampling = sampling_record(settings, *about, selected=selected, checkpoint=checkpoint)
        try:
            return self.score_or_stop(self.step.sampler(), count, sampling)
        except Diverged as error:
            error.hint = hint_lower_lr(self.plan, self.directory, ("discriminator", "generator"))
            raise

    def score_or_stop(self, sampler: Sampler, count: int, sampling: Sampling) -> Score:
        """Return the score of a sampler. If the run should stop meanwhile, save and raise."""
        assert self.scorer is not None
        try:
            watched = replace(sampler, watch=self.flag.check)
            return self.scorer.score_generator(watched, count, sampling)
        except GanzooError:
            self.stop_if_asked()
            raise

    def record(self, score: Score) -> None:
        if self.processes.is_main:
            self.directory.append_score(score)
        self.reporters.notify("scored", score.step, score)
        self.note_once(score.notes)

    def note_once(self, notes: Sequence[str]) -> None:
        for note in notes:
            if note not in self.noted:
                self.reporters.notify("noted", note)
        self.noted.update(notes)

    def score_final_and_best(self) -> None:
        """Score the final and the best checkpoint under one protocol."""
        count = self.plan.budget.final_samples
        final = self.score(count, "final", self.store.at(self.step.iteration))
        self.record(final)
        if self.best is None or self.best.step == final.step:
            assert final.sampling is not None
            self.record(replace(final, sampling=replace(final.sampling, selected="best")))
            return
        try:
            checkpoint = self.store.at(self.best.step)
        except CheckpointError as error:
            self.reporters.notify("noted", f"the best checkpoint is not scored again: {error}")
            return
        sampler, _ = sampler_of(
            checkpoint,
            self.plan.recipe,
            self.plan.components,
            self.plan.spec,
            self.step.label_sampler,
            self.processes.device,
        )
        assert self.best.sampling is not None
        about = replace(self.best.sampling, selected="best", checkpoint_sha256=checkpoint.sha256)
        self.record(self.score_or_stop(sampler, count, about))

    # --- checkpoints and the end ---

    def save(self, *, needed: bool = False) -> bool:
        """Save this step unless it is saved; see `CheckpointManager.save`."""
        protected = {self.best.step} if self.best else set()
        return self.checkpoints.save(self.step, protected, needed=needed)

    def stop_if_asked(self) -> None:
        """Save and raise if any rank should stop, or the directory was renamed."""
        if not self.processes.any(self.flag.reason is not None or bool(self.directory.renamed)):
            return
        self.step.check_finite()
        self.save(needed=True)
        if self.directory.renamed and self.flag.reason is None:
            raise renamed(self.directory)
        if self.flag.reason is None:
            end_later()
        raise self.flag.error(quote(str(self.directory.path)), self.step.iteration)
