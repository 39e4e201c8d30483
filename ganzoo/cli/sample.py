"""``ganzoo sample``: pictures of a trained generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options


@click.command()
@click.argument("reference", metavar="RUN")
@click.option("-n", "--count", type=click.IntRange(min=1), default=64, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Sample i is f(seed, i).")
@click.option("--label", "labels", type=int, multiple=True, help="Class to draw; repeat to cycle.")
@click.option("--interpolate", type=click.IntRange(min=2), metavar="STEPS", help="Walks in z.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A .png (one grid), a .npz (all samples), or a folder (one PNG each).",
)
@options.checkpoint
@options.runs_directory
def sample(reference: str, runs_dir: Path, out: Path | None, **given: Any) -> None:
    """Draw samples of RUN: a grid as PNG, one PNG each, or an npz with all of them.

    Without --out the grid goes into the run's samples/. The path is printed.
    """
    from ganzoo.engine.run import load
    from ganzoo.engine.writing import write_samples

    run = load(reference, runs_dir)
    which = options.which(given["checkpoint"])
    count, seed = given["count"], given["seed"]
    columns = None
    if steps := given["interpolate"]:
        samples = run.sampler(which).interpolate(count, steps, seed=seed)
        columns, default = steps, f"interpolation-{given['checkpoint']}-seed{seed}.png"
    else:
        cycle = list(given["labels"])
        labels = [cycle[index % len(cycle)] for index in range(count)] if cycle else None
        samples = run.sample(count, seed=seed, labels=labels, checkpoint=which)
        default = f"sample-{given['checkpoint']}-seed{seed}.png"
    target = out or run.directory.samples_directory / default
    click.echo(str(write_samples(target, run.plan.spec, samples, columns)))
