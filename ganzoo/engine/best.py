"""Which checkpoint of a run is its best: by what number, and since when."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ganzoo.errors import UsageError
from ganzoo.runs.score import Score


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


def previous_best(
    scores: list[Score], step: int, stop: Any, saved: Collection[int]
) -> tuple[Score | None, int]:
    """Return the best score during training up to `step`, and the evaluations since it.

    Args:
        saved: steps that have a checkpoint; what was never saved, or is gone, cannot be the best.
    """
    latest = {
        step_of(score): score
        for score in scores
        if score.sampling and score.sampling.selected == "during" and step_of(score) <= step
    }
    ordered = [latest[key] for key in sorted(latest)]
    there = [index for index, score in enumerate(ordered) if step_of(score) in saved]
    if not there:
        return None, len(ordered)
    best = min(there, key=lambda index: measure(ordered[index], stop))
    return ordered[best], len(ordered) - 1 - best
