"""What scoring costs over a whole run."""

from __future__ import annotations

from ganzoo.bench.rounds import Clock
from ganzoo.components.plan import Plan
from ganzoo.runs.score import Sampling
from ganzoo.sampling.sampler import Sampler
from ganzoo.training.processes import Processes
from ganzoo.training.scorer import Scorer
from ganzoo.training.step import GanStep


def share_of_evaluation(
    plan: Plan, step: GanStep, processes: Processes, clock: Clock, seconds_per_step: float
) -> float | None:
    """Return which part of a run's time goes into scores, at the recipe's cadence.

    Counted are the evaluations on the way and both at the end, the reference's statistics being
    there already. None where the recipe has no score.
    """
    if plan.extractor is None:
        return None
    scorer, budget = Scorer.of(plan, processes), plan.budget
    seconds_per_sample = _seconds(plan, step, processes, scorer, clock) / budget.samples
    evaluations = budget.steps // budget.eval_every
    samples = evaluations * budget.samples + 2 * budget.final_samples
    scoring = samples * seconds_per_sample
    return scoring / (scoring + budget.steps * seconds_per_step)


def _seconds(
    plan: Plan, step: GanStep, processes: Processes, scorer: Scorer, clock: Clock
) -> float:
    """Return the seconds of one evaluation, a first one having read the reference."""
    sampler = Sampler(
        step.ema.module if step.ema else step.parts.generator,
        plan.spec,
        step.parts.latent,
        step.label_sampler,
        processes.device,
    )
    about = Sampling(
        weights="ema" if step.ema else "raw",
        batch_norm="eval",
        truncation=None,
        labels=None,
        step=step.step,
        samples_seen=step.samples_seen,
        checkpoint_sha256=None,
        selected="during",
        seed=plan.recipe.settings.eval.seed,
    )
    scorer.score_generator(sampler, plan.budget.samples, about)
    began = clock()
    scorer.score_generator(sampler, plan.budget.samples, about)
    return clock() - began
