"""``ganzoo sample``: samples of a trained generator."""

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
@click.option("--label", "labels", multiple=True, help="Class, by number or name; repeat to cycle.")
@click.option("--interpolate", type=click.IntRange(min=2), metavar="STEPS", help="Walks in z.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A file in one of the formats of the data, such as .npz, or a folder.",
)
@options.checkpoint
@options.runs_directory
def sample(reference: str, runs_dir: Path, out: Path | None, **given: Any) -> None:
    """Draw samples of RUN and write them to a file, or into a folder with one file each.

    The suffix of --out chooses the format. There are .npz for all data; a grid as picture and .zip
    for images; .webp and .gif for video; .wav for sound; .txt and .jsonl for text; .csv for tables
    and vectors. Without --out the file goes into the run's samples/. The path is printed.
    """
    from ganzoo.sampling.files import require_format, write_samples
    from ganzoo.training.run import load

    run = load(reference, runs_dir)
    if given["interpolate"] and given["labels"]:
        raise click.UsageError("an interpolation keeps the label that it begins with; no --label")
    which = options.which(given["checkpoint"])
    if which == "final" and run.status != "finished":
        which = run.checkpoint(which).step
        given["checkpoint"] = str(which)  # it is in the file's name
    if out:  # before the samples are made, which can take long
        run.checkpoint(which)
        require_format(out, run.spec)
    count, seed = given["count"], given["seed"]
    columns = None
    if steps := given["interpolate"]:
        samples = run.sampler(which).interpolate(count, steps, seed=seed)
        columns = steps
    else:
        cycle = given["labels"] = class_numbers(given["labels"], run.spec.class_names)
        labels = [cycle[index % len(cycle)] for index in range(count)] if cycle else None
        samples = run.sample(count, seed=seed, labels=labels, checkpoint=which)
    suffix = run.spec.kind.formats(run.spec)[0]
    target = out or run.directory.samples_directory / default_name(**given, suffix=suffix)
    click.echo(str(write_samples(target, run.spec, samples, columns)))


def class_numbers(labels: tuple[str, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of classes that are given by number or by name.

    Raises:
        click.UsageError: a word that is neither.
    """
    found = []
    for label in labels:
        if label in names:
            found.append(names.index(label))
        elif label.isdecimal():
            found.append(int(label))
        else:
            known = f"; there are {', '.join(names[:20])}" if names else ""
            raise click.UsageError(f"--label {label} is no number and no name of a class{known}")
    return tuple(found)


def default_name(
    checkpoint: str,
    seed: int,
    count: int,
    labels: tuple[int, ...],
    interpolate: int | None,
    suffix: str,
) -> str:
    """Return a file name that no other request has, except for very long lists of labels."""
    parts = ["interpolation" if interpolate else "sample", checkpoint, f"seed{seed}", f"n{count}"]
    parts += [f"steps{interpolate}"] if interpolate else []
    parts += ["label" + ".".join(map(str, labels))[:100]] if labels else []
    return "-".join(parts) + suffix
