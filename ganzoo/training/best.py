"""Which checkpoint of a run is its best: by what number, and since when."""

from __future__ import annotations

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
