"""Modes of 100 Gaussians that methods of the zoo cover, on three layouts, in one CPU core.

    python benchmarks/gaussians.py [METHOD…] [--layouts straight,rotated,staggered] [--seeds 0,1,2]
                                   [--runs-dir runs/gaussians]

The method `mixture` is the recipe gaussians100-mixture; the others are the same recipe with one
part changed, or the recipe gaussians-mlp on the same points. All but the last have the same
networks, batch and number of updates. Every run is a process of its own with one thread. Its CPU
seconds, of everything from start to the last score, are kept in RUNS_DIR/cpu_seconds.jsonl;
finished runs are not repeated.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provenance import provenance
from timed_runs import cpu_seconds, train
from yardsticks import final_score, finished_run

from ganzoo.components.plan import NETWORKS

RECIPE = "gaussians100-mixture"
LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "straight": (),
    "rotated": ("dataset.rotation=30.0",),
    "staggered": ("dataset.layout=staggered",),
}
WITHOUT_R1_R2 = (
    "regularizers={r1: null, r2: null}",
    "schedules={regularizers.r1.gamma: null, regularizers.r2.gamma: null}",
)


def optimized_by(optimizer: str, lr: str = "2e-3") -> tuple[str, ...]:
    """Return the overrides for another optimizer of both networks, and perhaps another rate."""
    return tuple(
        f"optimizers.{each}={{use: {optimizer}, lr: {lr}, betas: [0.0, 0.99]}}" for each in NETWORKS
    )


OTHERS: Mapping[str, tuple[str, ...]] = {
    "mixture": (),
    "particles": ("latent={use: particles, count: 1000, sigma: 0.03}",),
    "normal z": ("latent=gaussian",),
    "no Fourier features": ("discriminator.fourier=0",),
    "vanilla": ("loss=vanilla",),
    "hinge": ("loss=hinge",),
    "least squares": ("loss=least-squares",),
    "relativistic average": ("loss.comparison=average",),
    "uniform z": ("latent=uniform",),
    "truncated z": ("latent=truncated",),
    "Wasserstein": ("loss=wasserstein",),
    "WGAN-GP": ("loss=wgan-gp", *WITHOUT_R1_R2),
    "WGAN-div": ("loss=wasserstein", *WITHOUT_R1_R2, "regularizers.wgan-div={}"),
    "Sobolev": ("loss=wasserstein", *WITHOUT_R1_R2, "regularizers.sobolev={}"),
    "f-GAN, KL": ("loss={use: f-gan, divergence: kl}",),
    "f-GAN, reverse KL": ("loss={use: f-gan, divergence: reverse-kl}",),
    "f-GAN, Pearson": ("loss={use: f-gan, divergence: pearson}",),
    "f-GAN, Jensen-Shannon": ("loss={use: f-gan, divergence: jensen-shannon}",),
    "feature matching": ("loss=feature-matching",),
    "DRAGAN": (*WITHOUT_R1_R2, "regularizers.dragan={}"),
    "LeCam": (*WITHOUT_R1_R2, "regularizers.lecam={}"),
    "no regularizer": WITHOUT_R1_R2,
    "PacGAN2, D of depth 3 without Fourier features": (
        "discriminator={use: packed, network: mlp, packing: 2, width: 128}",
    ),
    "extragradient": optimized_by("extra-adam"),
    "extragradient, a quarter of the rate": optimized_by("extra-adam", "5e-4"),
    "optimistic Adam": optimized_by("optimistic-adam"),
}
POINTS = ("dataset.modes=100", "dataset.extent=4.5", "dataset.length=100000", "eval.samples=10000")


@dataclass(frozen=True)
class Row:
    """Final numbers of one run, with the CPU seconds of its whole process."""

    method: str
    layout: str
    seed: int
    modes: float
    high_quality: float
    reverse_kl: float
    cpu_seconds: float

    def __str__(self) -> str:
        return (
            f"| {self.method} | {self.layout} | {self.seed} | {self.modes:.0f} "
            f"| {self.high_quality:.1%} | {self.reverse_kl:.3f} | {self.cpu_seconds:.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=", ".join(methods()))
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/gaussians"))
    chosen = parser.parse_args()
    print(
        f"{provenance('torch')}\n\n| method | layout | seed | modes of 100 | within 3 sd "
        "| reverse KL | CPU s |\n|:--|:--|--:|--:|--:|--:|--:|",
        flush=True,
    )
    for seed in map(int, chosen.seeds.split(",")):
        for method in chosen.methods or ["mixture"]:
            for layout in chosen.layouts.split(","):
                print(measure(method, layout, seed, chosen.runs_dir), flush=True)


def methods() -> list[str]:
    return [*OTHERS, "gaussians-mlp"]


def measure(method: str, layout: str, seed: int, runs_directory: Path) -> Row:
    """Return the row of one run; train it first unless it is finished."""
    recipe, overrides = RECIPE, (*LAYOUTS[layout], *OTHERS.get(method, ()))
    if method == "gaussians-mlp":
        recipe, overrides = method, (*LAYOUTS[layout], *POINTS)
    train(recipe, seed, runs_directory, overrides)
    run = finished_run(recipe, seed, runs_directory, *overrides)
    metrics = final_score(run).metrics
    return Row(
        method,
        layout,
        seed,
        metrics["modes_covered"],
        metrics["high_quality"],
        metrics["modes_reverse_kl"],
        cpu_seconds(recipe, seed, runs_directory, overrides),
    )


if __name__ == "__main__":
    main()
