"""Try the collapse monitor on healthy and on collapsing runs; write the counts to the docs.

    python -m tests.reliability.collapse_trial [--seeds 10]

Healthy runs have short budgets and are evaluated early and often: none may be reported. Collapsing
runs are of the same recipes with one fault: each must be reported at one of the two evaluations
after the last one without a sign (from the start, at one of the first two that are judged). Every
run is trained in this process. Exits with 1 if a run fails. `make soak` runs it, in minutes.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ganzoo.registry.registry import Registry
from ganzoo.training.collapse import GRACE_SAMPLES, SampleComparison
from ganzoo.training.launch import Options, prepare, train_run

HERE = Path(__file__).parent
PLUGIN = HERE / "collapse_plugin.py"
PAGE = HERE.parents[1] / "docs" / "evaluation.md"
START, END = "<!-- collapse -->\n", "<!-- end of collapse -->\n"

QUIET = {"train.save_every_steps": 10**6, "train.sample_every_steps": 10**6,
         "eval.samples": 64, "eval.metrics": []}  # fmt: skip


class Kind(NamedTuple):
    """Runs that differ in their seed."""

    words: str
    recipe: str
    steps: int
    every: int
    """Evaluation interval, in steps."""
    overrides: dict[str, Any]
    collapses: bool = False


RAW = {"eval.extractor": None}
HEALTHY = [
    Kind("`digits-mlp-vanilla`", "digits-mlp-vanilla", 200, 10, {}),
    Kind("`digits-mlp-hinge`", "digits-mlp-hinge", 200, 10, {}),
    Kind("the same, learning rate 2e-4", "digits-mlp-hinge", 200, 10,
         {"optimizers.both.lr": 2e-4}),
    Kind("the same, raw samples compared", "digits-mlp-hinge", 200, 10, RAW),
    Kind("`digits-dcgan-hinge`", "digits-dcgan-hinge", 96, 8, {}),
    Kind("`digits-dcgan-vanilla`", "digits-dcgan-vanilla", 96, 8, {}),
    Kind("`digits-dcgan-conditional`", "digits-dcgan-conditional", 96, 8, {}),
    Kind("`digits-dcgan-wgan-gp`", "digits-dcgan-wgan-gp", 40, 4, {}),
    Kind("`gaussians-mlp`", "gaussians-mlp", 80, 4, {}),
    Kind("the same, batches of 64, raw samples", "gaussians-mlp", 120, 5,
         {"train.batch_size": 64, **RAW}),
]  # fmt: skip


def pulled(outputs: int, **more: Any) -> dict[str, Any]:
    """Return a recipe whose samples are pulled to a few outputs from step 400 on."""
    return {
        "train.ema": None,
        "regularizers.pull.use": "local/pull",
        "regularizers.pull.outputs": outputs,
        "regularizers.pull.from_step": 400,
        **more,
    }


COLLAPSING = [
    Kind("all latents to one output, from step 400", "digits-dcgan-hinge", 960, 320,
         pulled(1), True),
    Kind("all latents to three outputs, from step 400", "digits-dcgan-hinge", 960, 320,
         pulled(3), True),
    Kind("the same, raw samples compared", "digits-dcgan-hinge", 960, 320, pulled(3, **RAW), True),
    Kind("all latents to two points, from step 400", "gaussians-mlp", 640, 80, pulled(2), True),
    Kind("a generator that ignores z", "digits-mlp-hinge", 120, 20,
         {"generator": {"use": "local/constant"}}, True),
    Kind("learning rate 1", "digits-mlp-hinge", 120, 20, {"optimizers.both.lr": 1.0}, True),
]  # fmt: skip


def evaluations(kind: Kind, seed: int) -> list[dict[str, Any]]:
    """Train a run; return its evaluations."""
    torch.set_num_threads(1)
    registry = Registry.with_local(PLUGIN)
    cadence = {"seed": seed, "train.steps": kind.steps, "eval.every_steps": kind.every}
    with tempfile.TemporaryDirectory() as folder:
        plan = prepare(kind.recipe, QUIET | cadence | kind.overrides, registry)
        return train_run(plan, Options(runs_directory=Path(folder))).health()


def delay(rows: list[dict[str, Any]]) -> int | None:
    """Return at which evaluation, counted from the first with a sign, a collapse was reported."""
    signs = 0
    for row in rows:
        comparison = SampleComparison.of(row)
        assert comparison is not None
        if row["samples_seen"] >= GRACE_SAMPLES:
            signs = signs + 1 if comparison.signs() else 0
        if row["collapsed"]:
            return signs
    return None


def row(kind: Kind, delays: list[int | None], evaluated: int) -> str:
    """Return a line of the table."""
    reported = [each for each in delays if each is not None]
    when = f"at evaluation {max(reported)} with a sign, or before" if reported else ""
    runs = f"{len(delays)} | {evaluated}"
    return f"| {kind.words} | {runs} | {len(reported)} | {when} |\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="of each kind of healthy runs")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    wrong, parts = 0, []
    with ProcessPoolExecutor(given.jobs, get_context("spawn")) as pool:
        for title, kinds in (("healthy, young", HEALTHY), ("collapsing", COLLAPSING)):
            head = f"| {title} | runs | evaluations | reported | latest |\n"
            lines = [head, "|---|--:|--:|--:|---|\n"]
            for kind in kinds:
                seeds = range(given.seeds if kind in HEALTHY else -(-given.seeds // 2))
                runs = list(pool.map(evaluations, repeat(kind), seeds))
                delays = [delay(rows) for rows in runs]
                wrong += sum((each in (1, 2)) != kind.collapses for each in delays)
                lines.append(row(kind, delays, sum(map(len, runs))))
                print(lines[-1], end="", flush=True)
            parts.append("".join(lines))
    command = (
        f"`python -m tests.reliability.collapse_trial --seeds {given.seeds}`, {date.today()}\n"
    )
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    body = "\n".join([*parts, command])
    PAGE.write_text(before + START + body + END + rest.partition(END)[2], encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
