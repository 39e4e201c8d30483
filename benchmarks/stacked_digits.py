"""Modes of 1,000 that the losses of the zoo cover on stacked digits.

    python benchmarks/stacked_digits.py [LOSS…] [--seeds 0,1,2] [--runs-dir runs/stacked]

Each is the recipe stacked-digits-dcgan with another loss: the same networks, regularizers and
number of updates, unless the loss brings its own. Every run is a process of its own with one
thread; finished runs are not repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from provenance import provenance
from timed_runs import cpu_seconds, train
from yardsticks import chosen_trials, final_score, finished_run

RECIPE = "stacked-digits-dcgan"
ONCE = ("eval.every_steps=4000",)
"""Score at the end only."""
LOSSES: Mapping[str, tuple[str, ...]] = {
    "hinge": (),
    "vanilla": ("loss=vanilla",),
    "least-squares": ("loss=least-squares",),
    "relativistic, pairing": ("loss={use: relativistic, comparison: pairing}",),
    "relativistic, average": ("loss={use: relativistic, comparison: average}",),
    "wasserstein": ("loss=wasserstein",),
    "wgan-gp": ("loss=wgan-gp", "regularizers=null", "discriminator.spectral_norm=false"),
    "f-gan, KL": ("loss={use: f-gan, divergence: kl}",),
    "f-gan, reverse KL": ("loss={use: f-gan, divergence: reverse-kl}",),
    "f-gan, Pearson": ("loss={use: f-gan, divergence: pearson}",),
    "f-gan, Jensen-Shannon": ("loss={use: f-gan, divergence: jensen-shannon}",),
    "feature-matching": ("loss=feature-matching",),
    "multi-hinge": ("conditional=true", "loss=multi-hinge", "discriminator.head=multi-hinge"),
}


def main() -> None:
    losses, seeds, runs_directory = chosen_trials(__doc__, "LOSS", LOSSES, "runs/stacked")
    print(
        f"{provenance('torch')}\n\n| loss | modes of 1,000 by seed | KL to uniform "
        "| CPU s a run |\n|:--|--:|--:|--:|",
        flush=True,
    )
    for loss in losses:
        print(row(loss, seeds, runs_directory), flush=True)


def row(loss: str, seeds: Sequence[int], runs_directory: Path) -> str:
    """Return the row of a loss; train its runs first unless they are finished."""
    overrides, scores, seconds = (*ONCE, *LOSSES[loss]), [], []
    for seed in seeds:
        train(RECIPE, seed, runs_directory, overrides)
        scores.append(final_score(finished_run(RECIPE, seed, runs_directory, *overrides)).metrics)
        seconds.append(cpu_seconds(RECIPE, seed, runs_directory, overrides))
    modes = ", ".join(f"{each['modes_covered']:.0f}" for each in scores)
    divergences = ", ".join(f"{each['kl_to_uniform']:.3f}" for each in scores)
    return f"| {loss} | {modes} | {divergences} | {fmean(seconds):.0f} |"


if __name__ == "__main__":
    main()
