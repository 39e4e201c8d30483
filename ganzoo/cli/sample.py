"""``ganzoo sample``: pictures of a trained generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options


@click.command()
@click.argument("reference", metavar="RUN")
@click.option("-n", "--count", type=click.IntRange(min=1), default=64, show_default=True)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Sample i is f(seed, i).",
)
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
    from ganzoo.sampling.writing import write_samples
    from ganzoo.training.run import load

    run = load(reference, runs_dir)
    which = options.which(given["checkpoint"])
    if which == "final" and run.status != "finished":
        which = run.checkpoint(which).step
        given["checkpoint"] = str(which)  # it is in the file's name
    count, seed = given["count"], given["seed"]
    columns = None
    if given["interpolate"] and given["labels"]:
        raise click.UsageError("an interpolation keeps the label that it begins with; no --label")
    if steps := given["interpolate"]:
        samples = run.sampler(which).interpolate(count, steps, seed=seed)
        columns = steps
    else:
        cycle = list(given["labels"])
        labels = [cycle[index % len(cycle)] for index in range(count)] if cycle else None
        samples = run.sample(count, seed=seed, labels=labels, checkpoint=which)
    target = out or run.directory.samples_directory / default_name(**given)
    click.echo(str(write_samples(target, run.plan.spec, samples, columns)))


def default_name(
    checkpoint: str, seed: int, count: int, labels: tuple[int, ...], interpolate: int | None
) -> str:
    """Return a file's name that no other request has, but for very long lists of labels."""
    parts = ["interpolation" if interpolate else "sample", checkpoint, f"seed{seed}", f"n{count}"]
    parts += [f"steps{interpolate}"] if interpolate else []
    parts += ["label" + ".".join(map(str, labels))[:100]] if labels else []
    return "-".join(parts) + ".png"
