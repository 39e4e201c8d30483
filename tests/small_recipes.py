"""Train every small recipe for a moment: finite, better than untrained, resumed bit for bit.

    python -m tests.small_recipes [RECIPE…] [--jobs 2] [--seconds 10]

A recipe is small if its data is part of a package: no file to fetch, no path to give. The steps
follow from the FLOPs of a step, so that they are the same on every machine. Prints a table, and
exits with 1 if a recipe fails.
"""

import argparse
import hashlib
import inspect
import math
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import PluginError, RecipeError
from ganzoo.recipes.load import Recipe, shipped_recipes
from ganzoo.registry.registry import Registry

SECONDS = 10.0
"""Aim for one training, in CPU seconds; the resumed half and the rest take about as long again."""
FEWEST, LEAST, MOST = 4, 20, 300
"""Steps of one training. Below `LEAST`, where these would take four times the aim, nothing is asked
of the samples; where they are not better yet, four times as many are tried, up to `MOST`."""
OVERHEAD, FLOPS_PER_SECOND = 0.005, 5e10
"""Of a step on one core: measured with the shipped recipes on 2026-11-29, to a factor of two."""
NEED_A_START = ("oracle-seqgan",)
"""Recipes that improve a generator of another run, and learn little without it: nothing is asked of
their samples."""
SAMPLES = 500
"""Generated samples of a score."""


@dataclass(frozen=True)
class Outcome:
    """What one recipe did."""

    recipe: str
    steps: int = 0
    untrained: float = math.nan
    """Score of the untrained generator."""
    trained: float = math.nan
    scored_with: str = ""
    seconds: float = 0.0
    """CPU time of everything."""
    problems: tuple[str, ...] = ()

    def row(self) -> str:
        """Return a row of the table."""
        fine = "ok" if judged(self.recipe, self.steps) else "ok, samples not judged"
        said = "; ".join(self.problems) or fine
        scores = f"{self.untrained:.4g} | {self.trained:.4g} | {self.scored_with}"
        return f"| {self.recipe} | {self.steps} | {scores} | {self.seconds:.0f} | {said} |"


HEADER = (
    "| recipe | steps | untrained | trained | scored with | CPU s | |\n"
    "|:--|--:|--:|--:|:--|--:|:--|"
)


def small_recipes() -> list[str]:
    """Return the names of the shipped and plugin recipes whose data is part of a package."""
    registry = Registry()
    names = [*shipped_recipes(), *(each.id for each in registry.list("recipe"))]
    return [name for name in names if _is_small(name, registry)]


def _is_small(name: str, registry: Registry) -> bool:
    try:
        dataset = Recipe.load(name, (), registry).settings.dataset
        registration = registry.get("dataset", dataset.use)
    except (RecipeError, PluginError):  # what recipes share, or of a plugin that is not installed
        return False
    if registration.files:
        return False
    path = inspect.signature(registry.resolve(registration)).parameters.get("path")
    return path is None or (path.default is not path.empty and "path" not in dataset.parameters)


def sampled_recipes(count: int) -> list[str]:
    """Return a few small recipes, chosen by a hash of their names."""
    return sorted(small_recipes(), key=lambda name: hashlib.sha256(name.encode()).digest())[:count]


def attempt(recipe: str, seconds: float = SECONDS) -> Outcome:
    """Try one recipe; an exception is a problem too."""
    began = time.process_time()
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = _attempt(recipe, seconds, Path(folder))
    except Exception as error:
        traceback.print_exc()
        words = " ".join(str(error).split())[:200]
        found = {"problems": (f"{type(error).__name__}: {words}",)}
    return Outcome(recipe, seconds=time.process_time() - began, **found)


def _attempt(recipe: str, seconds: float, folder: Path) -> dict[str, Any]:
    import ganzoo
    from ganzoo.training.callbacks import Reporter

    overrides: dict[str, Any] = {"eval.metrics": [], "train.on_collapse": "ignore"}
    steps, untrained, extractor = _untrained(recipe, seconds, overrides)
    half = steps // 2
    overrides |= {
        "train.steps": steps,
        "train.save_every_steps": half,
        "train.sample_every_steps": steps,
        "train.log_every_steps": 1,
        "train.stop": None,
        "eval.every_steps": steps,
    }
    quiet = Reporter()
    run = ganzoo.run(recipe, overrides, runs_directory=folder / "runs", reporter=quiet)
    problems = list(_not_finite(run))
    trained = [each.value for each in run.scores if each.sampling][-1] if run.scores else math.nan
    if judged(recipe, steps) and not trained < untrained:
        if steps < MOST:  # a text GAN's samples are worse at first
            return _attempt(recipe, 4 * seconds, folder / "longer")
        problems.append("not better than its untrained generator")
    copy = folder / run.path.name
    shutil.copytree(run.path, copy)
    shutil.rmtree(copy / "checkpoints" / f"step-{steps:08d}")
    ganzoo.resume(copy, reporter=quiet)
    problems += _different(run.path, copy, steps)
    return {
        "steps": steps,
        "untrained": untrained,
        "trained": trained,
        "scored_with": extractor,
        "problems": tuple(problems),
    }


def judged(recipe: str, steps: int) -> bool:
    """Return whether the samples must be better than those of the untrained generator."""
    return steps >= LEAST and recipe not in NEED_A_START


def _untrained(recipe: str, seconds: float, overrides: dict[str, Any]) -> tuple[int, float, str]:
    """Return the number of steps, and the score of the untrained generator with its extractor.

    Adds to the overrides what makes the scores cheap, and possible.
    """
    from ganzoo.registry.names import shorten
    from ganzoo.training.assemble import make_step
    from ganzoo.training.execution import numerics
    from ganzoo.training.launch import prepare
    from ganzoo.training.processes import find_processes
    from ganzoo.training.sampled import sampling_record
    from ganzoo.training.scorer import Scorer

    plan = prepare(recipe, overrides)
    settings = plan.recipe.settings
    count = min(SAMPLES, settings.eval.samples)
    overrides |= {"eval.samples": count, "eval.final_samples": count}
    if settings.train.ema:  # the average must not remember the untrained weights for long
        overrides["train.ema.ramp_up"] = 0.05
    if plan.extractor is None:
        overrides["eval.extractor"] = plan.spec.kind.plain_extractors[0]
    plan = prepare(recipe, overrides)
    assert plan.extractor is not None
    per_step = OVERHEAD + (plan.step_flops or 0) * _updates(settings) / FLOPS_PER_SECOND
    least = LEAST if LEAST * per_step < 4 * seconds else FEWEST
    steps = 2 * round(min(max(seconds / per_step, least), MOST) / 2)
    processes = find_processes()
    with numerics(settings.train):
        step = make_step(plan, processes)
        record = sampling_record(
            plan.recipe.settings, step.sampling, step=0, samples_seen=0, selected="during"
        )
        score = Scorer.of(plan, processes).score_generator(step.sampler(), count, record)
    return steps, score.value, shorten(plan.extractor.id)


def _updates(settings: Any) -> float:
    """Return the updates of a step in units of one of each player."""
    return max(1.0, (settings.train.discriminator_steps + settings.train.generator_steps) / 2)


def _not_finite(run: Any) -> Iterator[str]:
    """Yield what is not finite: a logged number, or a weight of G."""
    import torch

    rows = run.directory.metrics()
    wrong = {
        key for row in rows for key, x in row.items() if _is_number(x) and not math.isfinite(x)
    }
    if wrong:
        yield f"not finite: {', '.join(sorted(wrong))}"
    state = run.generator.state_dict().values()
    if not all(torch.isfinite(each).all() for each in state if each.is_floating_point()):
        yield "a weight of G is not finite"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _different(straight: Path, resumed: Path, steps: int) -> list[str]:
    """Return what a resumed run does not have exactly as the run without a stop."""
    from tests.reliability.tiny import differing

    ends = [path / "checkpoints" / f"step-{steps:08d}" for path in (straight, resumed)]
    names = differing(*ends)
    return [f"resumed at the middle, {len(names)} values differ: {names[0]}, …"] if names else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="default: all small ones")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="aim for one training")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # one core each: a worker reads it before it imports torch
    recipes = chosen.recipes or small_recipes()
    context = multiprocessing.get_context("spawn")
    print(HEADER, flush=True)
    failed = []
    with ProcessPoolExecutor(chosen.jobs, mp_context=context) as pool:
        for outcome in pool.map(attempt, recipes, [chosen.seconds] * len(recipes)):
            print(outcome.row(), flush=True)
            failed += [outcome.recipe] if outcome.problems else []
    print(f"\n{len(recipes) - len(failed)} of {len(recipes)} recipes pass")
    if failed:
        print(f"failed: {' '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
