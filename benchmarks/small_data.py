"""Augmentation of what D sees, where there is little data: none, DiffAugment and ADA.

    python benchmarks/small_data.py [digits] [emoji] [--steps 3000] [--seeds 0,1,2] [--runs-dir DIR]

Trains on 60 digits, a tenth of the training set, and on all 1,314 emoji of it; the networks, losses
and optimizers of a data set are the same in its three rows. The score of the last step is against
the test split, which no run was trained on. Finished runs are not repeated; to spread the runs over
processes, start the script several times with other seeds and the same directory.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from pathlib import Path

from provenance import provenance
from yardsticks import final_score, finished_run

RECIPES = {
    "digits": ("digits-dcgan-hinge", "digits-diffaugment", "digits-ada"),
    "emoji": ("emoji-dcgan-hinge", "emoji-dcgan-diffaugment", "emoji-dcgan-ada"),
}
OVERRIDES = {"digits": ("dataset.fraction=0.1",), "emoji": ()}
AUGMENTATIONS = ("none", "DiffAugment", "ADA")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="*", default=list(RECIPES), metavar="DATASET")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/small-data"))
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    found = {
        (dataset, recipe): [
            score(dataset, recipe, seed, chosen.steps, chosen.runs_dir) for seed in seeds
        ]
        for dataset in chosen.datasets
        for recipe in RECIPES[dataset]
    }
    print(f"{provenance('torch')}, {chosen.steps} steps\n")
    for line in table(found):
        print(line)


def score(dataset: str, recipe: str, seed: int, steps: int, directory: Path) -> float:
    """Return the distance of a run's last step from the test split."""
    budget = (f"train.steps={steps}", f"eval.every_steps={steps // 3}", "eval.reference=test")
    run = finished_run(recipe, seed, directory, *OVERRIDES[dataset], *budget)
    return final_score(run).value


def table(found: dict[tuple[str, str], list[float]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield "| data | augmentation | recipe | distance from `test`, mean ± sd | seeds |"
    yield "|:--|:--|:--|--:|--:|"
    for (dataset, recipe), distances in found.items():
        augmentation = AUGMENTATIONS[RECIPES[dataset].index(recipe)]
        spread = statistics.stdev(distances) if len(distances) > 1 else float("nan")
        result = f"{statistics.mean(distances):.1f} ± {spread:.1f}"
        yield f"| {dataset} | {augmentation} | `{recipe}` | {result} | {len(distances)} |"


if __name__ == "__main__":
    main()
