"""Compare the scores of a recipe's runs with its published score: is it reproduced?

There is a verdict only under the protocol of the published score. The tolerance is Student's 95 %
interval of the difference; see `tolerance_of`.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal

from ganzoo.errors import ComparisonError
from ganzoo.registry.names import guess, qualify, shorten
from ganzoo.report.entries import Entry, Unranked, read_entry
from ganzoo.report.published import PublishedFigure
from ganzoo.report.welch import t_quantile
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import command
from ganzoo.runs.score import Protocol, Score

CONFIDENCE = 0.95
DISTANCES = ("fid", "frechet")
"""Published metrics that are the Fréchet distance: with Inception, or with any extractor."""
INCEPTION = "zoo/inception"
LARGEST_SHARE = 0.25
"""Largest tolerance that the runs' own spread may cause, as a fraction of the published value."""

Outcome = Literal["reproduced", "not reproduced", "cannot be compared"]


@dataclass(frozen=True)
class Conditions:
    """What a published score and a score here must agree in."""

    extractor: str | None
    """Full id."""
    n_fake: int
    n_real: int | None
    split: str

    @classmethod
    def of(cls, protocol: Protocol) -> "Conditions":
        """Return the conditions of a score."""
        return cls(protocol.extractor, protocol.n_fake, protocol.n_real, protocol.split)

    def conflict(self, figure: PublishedFigure) -> str | None:
        """Return why a score under these conditions cannot be compared; None if it can."""
        needed = ("n_fake", "n_real", "split") if figure.metric in DISTANCES else ()
        if figure.metric == "frechet":
            needed = ("extractor", *needed)
        if unknown := [name for name in needed if getattr(figure, name) is None]:
            return f"the published {figure.metric} does not say its {', '.join(unknown)}"
        extractor = qualify(figure.extractor) if figure.extractor else None
        if figure.metric == "fid" and extractor not in (None, INCEPTION):
            return f"a fid needs the extractor inception, and {figure.extractor} is published"
        if figure.metric == "fid":
            extractor = INCEPTION
        differences = [
            f"{what} {_shown(mine)} here, {_shown(theirs)} published"
            for what, mine, theirs in (
                ("extractor", self.extractor, extractor),
                ("generated samples", self.n_fake, figure.n_fake),
                ("real samples", self.n_real, figure.n_real),
                ("split", self.split, figure.split),
            )
            if theirs is not None and mine != theirs
        ]
        return f"other protocols: {'; '.join(differences)}" if differences else None


@dataclass(frozen=True)
class Measured:
    """The value of one run."""

    run: str
    seed: int
    value: float
    standard_error: float | None
    """Over other samples of the same generator; None for a metric that has none."""
    score: Score


@dataclass(frozen=True)
class Tolerance:
    """How far the mean of the runs may be from the published value."""

    value: float
    is_too_wide: bool = False
    """Whether the spread of the runs is so large that a value within it says little."""
    basis: str = ""
    """What stands in for the spread over our seeds, if there is only one."""


@dataclass(frozen=True)
class Verdict:
    """What `ganzoo verify` says about one recipe."""

    outcome: Outcome
    published: PublishedFigure
    reason: str | None = None
    """Why the scores cannot be compared."""
    hint: str | None = None
    """The command that may change that."""
    measured: tuple[Measured, ...] = ()
    tolerance: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def value(self) -> float | None:
        """Mean over the runs; None without one."""
        return fmean(each.value for each in self.measured) if self.measured else None

    @property
    def sd(self) -> float | None:
        """Standard deviation over the runs; None for fewer than two."""
        return stdev(each.value for each in self.measured) if len(self.measured) > 1 else None

    def lines(self) -> list[str]:
        """Return the verdict in words and numbers."""
        figure = self.published
        said = f"{figure.recipe}: {self.outcome}"
        lines = [f"{said}: {self.reason}" if self.reason else said]
        facts = f"  ({figure.protocol})" if figure.protocol else ""
        lines.append(f"  published   {figure.value:g}{figure.error}{facts}")
        if self.value is not None:
            seeds = ", ".join(f"seed {each.seed}: {each.value:.4g}" for each in self.measured)
            error, count = self.measured[0].standard_error, len(self.measured)
            single = f" ± {error:.2g}" if count == 1 and error is not None else ""
            kind = single if self.sd is None else f" ± {self.sd:.2g} sd over {count} seeds"
            lines.append(f"  here        {self.value:.4g}{kind}  ({seeds})")
            difference = f"  difference  {self.value - figure.value:+.4g}"
            if self.tolerance is not None:
                difference += f", tolerance {self.tolerance:.3g}"
            lines.append(difference)
            lines += [f"  run         {each.run}" for each in self.measured]
        lines += [f"  deviation   {each}" for each in figure.deviations]
        lines += [f"  note        {each}" for each in self.notes]
        return [*lines, f"  source      {figure.source}"]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        difference = None if self.value is None else self.value - self.published.value
        return {
            "recipe": self.published.recipe,
            "outcome": self.outcome,
            "reason": self.reason,
            "try": self.hint,
            "published": asdict(self.published),
            "value": self.value,
            "sd": self.sd,
            "difference": difference,
            "tolerance": self.tolerance,
            "notes": list(self.notes),
            "runs": [asdict(each) | {"score": each.score.to_dict()} for each in self.measured],
        }


def judge(
    figure: PublishedFigure,
    measured: Sequence[Measured],
    words: Sequence[str],
    runs_directory: Path | None = None,
) -> Verdict:
    """Return the verdict on runs that were scored under the published protocol.

    Args:
        words: what `ganzoo verify` was given for these runs, for the command with more seeds.
        runs_directory: where the runs are.
    """
    common: dict[str, Any] = {"published": figure, "measured": tuple(measured)}
    tolerance = tolerance_of(figure, measured)
    more = "0-2" if len(measured) < 3 else "0-9"
    seeds = command("verify", *words, "--seeds", more, runs_directory=runs_directory)
    if tolerance is None:
        why = f"one run shows no spread, and {figure.metric} has no standard error"
        return Verdict("cannot be compared", reason=why, hint=seeds, **common)
    common["tolerance"] = tolerance.value
    mean = fmean(each.value for each in measured)
    slack = 1e-9 * max(abs(figure.value), abs(mean))
    close = abs(mean - figure.value) <= tolerance.value + slack
    if close and tolerance.is_too_wide:
        low, high = figure.value - tolerance.value, figure.value + tolerance.value
        why = f"the runs vary too much: anything from {low:.3g} to {high:.3g} would pass"
        return Verdict("cannot be compared", reason=why, hint=seeds, **common)
    if tolerance.basis:
        common["notes"] = (f"one seed: the tolerance has {tolerance.basis}; try {seeds}",)
    return Verdict("reproduced" if close else "not reproduced", **common)


def tolerance_of(figure: PublishedFigure, measured: Sequence[Measured]) -> Tolerance | None:
    """Return t (s_here^2 + s_published^2)^(1/2), with Student's t at 95 %; None: nothing is known.

    With k runs here and n published ones (`trials`):

    - The variance of one run, v, is that over our seeds, and at least that over samples. With one
      run here it is that of the published runs, n times their squared standard error.
    - s_here^2 = v / k.
    - s_published^2 is the squared standard error of a mean over n > 1 runs; without one, v / n. A
      single published run is one draw more: v.
    - If v is unknown (one run here, one published), both have only the errors over samples.

    The degrees of freedom are Welch's and Satterthwaite's.
    """
    parts: list[tuple[float, float]]  # variances with their degrees of freedom
    k, n = len(measured), figure.trials or 1
    error = figure.standard_error
    mean_error = error if n > 1 else None
    samples = _mean_square([each.standard_error for each in measured])
    if k > 1:
        spread = max(stdev(each.value for each in measured) ** 2, samples or 0.0)
        own = spread / k + (spread / n if mean_error is None else 0.0)
        parts = [(own, k - 1), (mean_error**2, n - 1)] if mean_error is not None else [(own, k - 1)]
        basis = ""
    elif mean_error is not None:
        own = max(n * mean_error**2, samples or 0.0)
        parts, basis = [(own + mean_error**2, n - 1)], "the spread of the published runs"
    elif samples is not None:
        theirs = samples if error is None else error**2
        own, parts = 0.0, [(samples + theirs, math.inf)]
        basis = "the error over samples alone, not the spread over seeds"
    else:
        return None
    variance = sum(each for each, _ in parts)
    if variance == 0:
        return Tolerance(0.0, basis=basis)
    inverse = sum(each**2 / freedom for each, freedom in parts) / variance**2
    width = t_quantile(CONFIDENCE, 1 / inverse if inverse else math.inf) * math.sqrt(variance)
    is_too_wide = width > LARGEST_SHARE * abs(figure.value) and own > (mean_error or 0.0) ** 2
    return Tolerance(width, is_too_wide, basis)


def measured_in(run: RunDirectory, figure: PublishedFigure) -> Measured:
    """Return the published metric of a finished run, from a score under the published protocol.

    Raises:
        ComparisonError: there is no such score, or it lacks the metric; says why.
    """
    entry = read_entry(run)
    if isinstance(entry, Unranked):
        raise ComparisonError(f"{entry.run}: {entry.reason}", hint=entry.command)
    found = _scores(entry, figure.select)
    if not found:
        what = "the best checkpoint" if figure.select == "best" else "the final generator"
        again = command("score", entry.reference, "--checkpoint", figure.select or "final")
        raise ComparisonError(f"{run.name} has no score of {what}", hint=again)
    conflicts = [Conditions.of(score.protocol).conflict(figure) for score in found]
    fitting = [score for score, no in zip(found, conflicts, strict=True) if no is None]
    if not fitting:
        again = command("score", entry.reference, "eval.final_samples=" + str(figure.n_fake))
        counts = figure.n_fake not in (None, found[0].protocol.n_fake)
        raise ComparisonError(str(conflicts[0]), hint=again if counts else None)
    score = fitting[0]
    value, error = _value(score, figure.metric)
    return Measured(run.name, entry.seed, value, error, score)


def _scores(entry: Entry, select: str | None) -> list[Score]:
    """Return the score of the final generator, or of the best checkpoint, under each protocol."""
    if select == "best":
        return _scores_of_best(entry)
    protocols = dict.fromkeys(score.protocol for score in entry.scores)
    return [score for each in protocols if (score := entry.final(each.id))]


def _scores_of_best(entry: Entry) -> list[Score]:
    """Return the scores of the best checkpoint: the run's own first, then those asked for later.

    Of the latter the first with the run's own sampling counts: the newest would let anybody choose
    a seed or a truncation afterwards.
    """
    drawn = [(score, score.sampling) for score in entry.scores if score.sampling]
    own = [(score, about) for score, about in drawn if about.selected == "best"]
    during = [(score, about) for score, about in drawn if about.selected == "during"]
    if own:
        best = own[-1][1]
    elif during:
        best = min(during, key=lambda each: each[0].value)[1]
    else:
        return []
    wanted = ("asked", best.step, best.parameters, best.latent)
    return [score for score, _ in reversed(own)] + [
        score
        for score, about in drawn
        if (about.selected, about.step, about.parameters, about.latent) == wanted
    ]


def _value(score: Score, metric: str) -> tuple[float, float | None]:
    """Return a metric's value and its standard error over samples."""
    if metric in DISTANCES:
        return score.value, score.standard_error
    if metric not in score.metrics:
        distances = DISTANCES if score.protocol.extractor == INCEPTION else ("frechet",)
        names = [*distances, *score.metrics]
        near = guess(metric, names) or f"; its numbers are {', '.join(names)}"
        raise ComparisonError(f"the run has no number {metric!r}{near}")
    value = score.metrics[metric]
    if not math.isfinite(value):
        raise ComparisonError(f"{metric} is undefined for the run's samples")
    return value, score.metrics.get(f"{metric}_standard_error")


def _mean_square(errors: Sequence[float | None]) -> float | None:
    known = [error**2 for error in errors if error is not None]
    return fmean(known) if known and len(known) == len(errors) else None


def _shown(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "none" if value is None else shorten(str(value))
