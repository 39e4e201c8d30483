"""Results of the other small recipes over seeds.

    python benchmarks/small_recipes.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/benchmark]

Modes covered on a grid of Gaussians and on stacked digits, agreement with the requested label, and
the distance on shapes, compared with that of a Gaussian fitted to the pixels and of other shapes.
Runs every recipe at its own budget; finished runs are not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from provenance import provenance
from yardsticks import chosen_trials, final_score, finished_run, pixel_gaussian, seconds

from ganzoo.components.build import make
from ganzoo.components.data import tensors_of
from ganzoo.training.launch import prepare
from ganzoo.training.processes import find_processes
from ganzoo.training.run import Run
from ganzoo.training.scorer import Scorer


def gaussians(run: Run) -> str:
    metrics = final_score(run).metrics
    covered = f"{metrics['modes_covered']:.0f} of {metrics['modes_total']:.0f} modes"
    return f"{covered}, {metrics['high_quality']:.1%} within 3 sd"


def stacked(run: Run) -> str:
    score = final_score(run)
    return f"{score.metrics['modes_covered']:.0f} of 1,000 modes, FD(toy-cnn) {score.value:.1f}"


def conditional(run: Run) -> str:
    score = final_score(run)
    agreement = score.metrics["class_agreement"]
    return f"{agreement:.1%} of the requested class, FD(toy-cnn) {score.value:.1f}"


def shapes(run: Run) -> str:
    return f"FD(toy-cnn) {final_score(run).value:.0f}"


RECIPES: dict[str, Callable[[Run], str]] = {
    "gaussians-mlp": gaussians,
    "digits-dcgan-conditional": conditional,
    "digits-acgan": conditional,
    "digits-reacgan": conditional,
    "digits-contragan": conditional,
    "digits-sagan": conditional,
    "digits-biggan": conditional,
    "shapes-projection": conditional,
    "shapes-acgan": conditional,
    "shapes-reacgan": conditional,
    "stacked-digits-dcgan": stacked,
    "shapes-resnet-hinge": shapes,
}


def main() -> None:
    recipes, seeds, runs_directory = chosen_trials(__doc__, "RECIPE", RECIPES, "runs/benchmark")
    print(
        f"{provenance('torch')}\n\n| recipe | seed | result | seconds |\n|:--|--:|:--|--:|",
        flush=True,
    )
    for recipe in recipes:
        result = RECIPES[recipe]
        for seed in seeds:
            run = finished_run(recipe, seed, runs_directory)
            print(f"| {recipe} | {seed} | {result(run)} | {seconds(run):.0f} |", flush=True)
    if "shapes-resnet-hinge" in recipes:
        for line in yardsticks_of_shapes():
            print(line)


def yardsticks_of_shapes() -> Iterator[str]:
    """Yield the rows of baselines for shapes-resnet-hinge."""
    plan = prepare("shapes-resnet-hinge")
    scorer, samples = Scorer.of(plan, find_processes()), plan.recipe.settings.eval.samples
    train, _ = tensors_of(make(scorer.dataset, "train"))
    others, _ = tensors_of(make(scorer.dataset, "test"))
    rows = {"pixel-Gaussian": pixel_gaussian(train, samples), "other shapes": others[:samples]}
    for name, images in rows.items():
        yield f"| {name} | | FD(toy-cnn) {scorer.score([(images, None)]).value:.0f} | |"


if __name__ == "__main__":
    main()
