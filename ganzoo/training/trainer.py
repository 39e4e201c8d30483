"""The life of a run: step, log, draw, score, save, stop; then the final scores."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from shlex import quote

from ganzoo.components.plan import Plan
from ganzoo.components.weights import read_network
from ganzoo.errors import CheckpointError, GanzooError
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Sampling, Score
from ganzoo.sampling.sampler import Sampler
from ganzoo.training.best import measure, previous_best, step_of
from ganzoo.training.checkpointing import Keeper
from ganzoo.training.collapse import CollapseMonitor
from ganzoo.training.gallery import Gallery
from ganzoo.training.metrics_logger import TermLog
from ganzoo.training.nonfinite import NotFinite, check_finite
from ganzoo.training.nonfinite_policy import Mender
from ganzoo.training.processes import Processes
from ganzoo.training.reporter import Reporters
from ganzoo.training.scorer import Scorer
from ganzoo.training.signals import StopFlag
from ganzoo.training.startup_notes import remarks
from ganzoo.training.step import GanStep


@dataclass
class Trainer:
    """Everything a run needs, put together by `ganzoo.training.launch`.

    Args:
        resumed_at: step of the checkpoint that `step` was read from, if it was.
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
    keeper: Keeper = field(init=False)
    mender: Mender = field(init=False)
    collapse_monitor: CollapseMonitor = field(init=False)
    terms: TermLog = field(init=False)
    gallery: Gallery = field(init=False)

    def __post_init__(self) -> None:
        parts = (self.directory, self.processes, self.reporters)
        self.keeper = Keeper(self.store, *parts, saved_step=self.resumed_at)
        self.mender = Mender(self.plan, self.keeper)
        self.collapse_monitor = CollapseMonitor(self.plan, *parts, self.scorer)
        self.terms = TermLog(*parts)
        self.gallery = Gallery(self.plan, self.directory, self.processes)

    def run(self) -> str:
        """Train to the end of the budget and score.

        Returns:
            ``finished``; ``stopped`` when patience ran out, ``collapsed`` when samples had and the
            recipe says to stop.

        Raises:
            Interrupted, Unfinished: a signal or the time limit; the state is saved.
            Diverged, CheckpointError, DiskFull: as they say.
        """
        for remark in remarks(self.plan, self.step):
            self.reporters.tell("noted", remark)
        self.gallery.draw_real()
        ended = self.evaluate() if self.owes_an_evaluation() else None
        self.terms.start_clock(self.step.samples_seen)
        if self.mender.policy == "rollback" and self.step.step == 0:
            self.save()
        while self.step.step < self.plan.budget.steps and ended is None:
            try:
                ended = self.advance()
                self.stop_if_asked()
            except NotFinite as found:
                self.mend(found)
        self.score_at_the_end()
        return ended or "finished"

    def advance(self) -> str | None:
        """Play a step and do what is due after it; return why the run ends here, if it does."""
        self.terms.remember(self.step())
        self.mender.tell_skipped(self.step)
        if self.step.graphs and (refusal := self.step.graphs.take_refusal()):
            self.reporters.tell("noted", f"updates are not captured as CUDA graphs: {refusal}")
        self.reporters.tell("ticked", self.step.step)
        due, ended = self.due(), None
        if due:
            check_finite(self.step)
        if "log" in due:
            self.terms.write(self.step)
        if "draw" in due:
            self.gallery.draw(self.step.step, self.sampler())
        if "evaluate" in due:
            ended = self.evaluate()
        if "save" in due or ended:
            self.save(needed=bool(ended) or self.step.step == self.plan.budget.steps)
        return ended

    def due(self) -> set[str]:
        """Return what is to be done after the step that was just played; all of it at the end."""
        budget, now = self.plan.budget, self.step.step
        every = {
            "log": budget.log_every,
            "draw": budget.sample_every,
            "evaluate": budget.eval_every,
            "save": budget.save_every,
        }
        return {what for what, n in every.items() if now == budget.steps or now % n == 0}

    def mend(self, found: NotFinite) -> None:
        """Go back to a checkpoint, and forget what came after it; or raise Diverged."""
        self.mender.mend(self.step, found)
        self.terms.forget(self.step.samples_seen)
        self.best, self.evaluations_since_best = previous_best(
            self.directory.scores(),
            self.step.step,
            self.plan.recipe.settings.train.stop,
        )

    def sampler(self) -> Sampler:
        """Return the sampler of the averaged generator, or of G itself if there is no average."""
        generator = self.step.ema.module if self.step.ema else self.step.parts.generator
        return Sampler(
            generator,
            self.plan.spec,
            self.step.parts.latent,
            self.step.label_sampler,
            self.processes.device,
        )

    # --- scores ---

    def owes_an_evaluation(self) -> bool:
        """Return whether the run was stopped in the evaluation of the step that it goes on from."""
        now, budget = self.step.step, self.plan.budget
        elsewhere = now % budget.eval_every and now != budget.steps
        if not now or elsewhere or self.scorer is None:
            return False
        scored = any(
            score.sampling and score.sampling.selected == "during" and step_of(score) == now
            for score in self.directory.scores()
        )
        return not self.processes.share(scored)

    def evaluate(self) -> str | None:
        """Look at samples and score them; return why the run ends here, if it does."""
        collapsed = self.collapse_monitor.check(self.sampler(), self.step)
        impatient = self.scorer is not None and self.compare_with_best()
        if collapsed and self.collapse_monitor.policy == "stop":
            return "collapsed"
        return "stopped" if impatient else None

    def compare_with_best(self) -> bool:
        """Score the generator as it is, and keep the best; return whether patience has run out."""
        score = self.score(self.plan.budget.samples, "during")
        self.record(score)
        stop = self.plan.recipe.settings.train.stop
        better = self.best is None or measure(score, stop) < measure(self.best, stop)
        if better and self.save():
            self.best, self.evaluations_since_best = score, 0
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
            samples_seen=self.step.samples_seen,
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

    def save(self, *, needed: bool = False) -> bool:
        """Save this step, unless that is done; see `Keeper.save`."""
        protected = {step_of(self.best)} if self.best else set()
        return self.keeper.save(self.step, protected, needed=needed)

    def stop_if_asked(self) -> None:
        """Save and raise if any rank was told to stop."""
        if not self.processes.any(self.flag.reason is not None):
            return
        check_finite(self.step)
        self.save(needed=True)
        raise self.stopped()

    def stopped(self) -> GanzooError:
        return self.flag.error(quote(str(self.directory.path)), self.step.step)
