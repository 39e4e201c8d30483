"""GANs of moving digits beside held-out clips, an untrained generator, and clips that do not move.

    python benchmarks/moving_digits.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/moving]

Baselines are real clips whose first frame is repeated, and whose frames are shuffled. CPU seconds
are those of a run from its start to its last score; a run that is finished already is not repeated,
and has none.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from leaderboard_yardsticks import Samples, held_out, untrained
from provenance import provenance
from yardsticks import final_score, finished_run, scored

from ganzoo.components.data import tensors_of
from ganzoo.runs.score import Score
from ganzoo.training.run import Run

RECIPES = ("moving-digits-mocogan",)
COLUMNS = ("fd_frames", "fd_differences", "law_start", "law_speed", "law_direction", "identity")


def still(like: Run, count: int, seed: int) -> Samples:
    """Return real clips whose first frame is repeated."""
    clips, _ = tensors_of(like.plan.dataset)
    return clips[:count, :1].expand_as(clips[:count]).contiguous(), None


def shuffled(like: Run, count: int, seed: int) -> Samples:
    """Return real clips with their frames in any order."""
    clips, _ = tensors_of(like.plan.dataset)
    random = torch.Generator().manual_seed(seed)
    orders = (torch.randperm(clips.shape[1], generator=random) for _ in range(count))
    return torch.stack([clip[order] for clip, order in zip(clips, orders, strict=False)]), None


BASELINES = {
    "held-out clips": held_out,
    "real frames, shuffled": shuffled,
    "still clips": still,
    "untrained": untrained,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", default=RECIPES)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/moving"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{provenance('torch')}\n\n| recipe | seed | FD | frames | differences | start | speed "
        "| direction | identity | CPU s |\n|:--|:--|--:|--:|--:|--:|--:|--:|--:|--:|",
        flush=True,
    )
    for recipe in chosen.recipes:
        runs = []
        for seed in map(int, chosen.seeds.split(",")):
            began = time.process_time()
            runs.append(finished_run(recipe, seed, chosen.runs_dir))
            show(recipe, str(seed), final_score(runs[-1]), f"{time.process_time() - began:.0f}")
    for name, make in BASELINES.items():
        made = make(runs[0], runs[0].plan.budget.final_samples, 0)
        show("", name, scored(made, runs[0]))


def show(recipe: str, which: str, score: Score, seconds: str = "") -> None:
    numbers = [f"{score.metrics[name]:.3g}" for name in COLUMNS]
    print(
        f"| {recipe} | {which} | {score.value:.1f} | {' | '.join(numbers)} | {seconds} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
