"""``ganzoo sample``: draw samples from a trained generator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit
from ganzoo.errors import RecipeError


@click.command()
@options.run
@click.option(
    "-n",
    "--count",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Number of samples; with --interpolate, of walks.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Sample i depends only on the seed and i; with internal-noise, also on its batch of 256.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    help="Class, by number or name; repeat for more, used in turn.",
)
@click.option(
    "--condition",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Conditions, if the data has them: a file, a folder or an npz; used in turn.",
)
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="For tables: only rows with this value, or with != < <= > >=; repeat for more.",
)
@click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Sampling parameter of the generator, such as truncation=0.7; repeat for more.",
)
@click.option(
    "--interpolate",
    type=click.IntRange(min=2),
    metavar="STEPS",
    help="Draw walks of STEPS samples between two latents.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A file in one of the formats of the data, such as .npz, or a folder.",
)
@options.checkpoint
@options.runs_directory
def sample(
    reference: str,
    count: int,
    seed: int,
    labels: tuple[str, ...],
    condition: Path | None,
    where: tuple[str, ...],
    parameters: tuple[str, ...],
    interpolate: int | None,
    out: Path | None,
    checkpoint: str,
    runs_dir: Path,
) -> None:
    """Draw samples of RUN and write them to one file, or to one file each in a folder.

    The suffix of --out selects the format: .npz for all data; a picture of the grid and .zip for
    images; .webp and .gif for video; .wav for audio; .txt and .jsonl for text; .csv, .tsv and
    .parquet for tables; .csv for vectors. Without --out the file goes into the run's samples/. Its
    path is printed.

    `ganzoo info` lists the sampling parameters of a generator; without --set they have the values
    of eval.sampling in the run's recipe.
    """
    from ganzoo.sampling.files import require_format, write_samples
    from ganzoo.training.run import load

    run = load(reference, runs_dir)
    if interpolate and labels:
        raise click.UsageError("--interpolate keeps the first label of each walk; drop --label")
    which = options.which(checkpoint)
    if which == "final" and run.status != "finished":
        which = run.checkpoint(which).step  # the file's name must not say final
    if out:  # refuse a wrong format before drawing, which can take long
        run.checkpoint(which)
        require_format(out, run.spec)
    conditions = run.read_conditions(condition) if condition else None
    if labels:
        run.require("labels")
    cycle = class_numbers(labels, run.spec.class_names)
    check_parameters(parameters)
    if where and (labels or condition or interpolate):
        raise click.UsageError("--where excludes --label, --condition and --interpolate")
    if where:
        samples = run.sample_where(count, where, seed=seed, checkpoint=which, parameters=parameters)
    elif interpolate:
        sampler = run.sampler(which, parameters=parameters)
        samples = sampler.interpolate(count, interpolate, seed=seed, labels=conditions)
    else:
        classes: Any = [cycle[index % len(cycle)] for index in range(count)] if cycle else None
        given = {"labels": classes, "conditions": conditions, "parameters": parameters}
        samples = run.sample(count, seed=seed, checkpoint=which, **given)
    suffix = run.spec.kind.formats(run.spec)[0]
    words = [*parameters, *where, *([f"condition={condition}"] if condition else [])]
    name = default_name(str(which), seed, count, cycle, interpolate, suffix, words)
    target = out or run.directory.samples_directory / name
    emit(str(write_samples(target, run.spec, samples, interpolate)))


def check_parameters(words: tuple[str, ...]) -> None:
    """Raise click.UsageError for a word of ``--set`` that is not NAME=VALUE, with a YAML value."""
    from ganzoo.recipes.overrides import override_layer

    for word in words:
        if not all(word.partition("=")):
            raise click.UsageError(f"--set {word}: expected NAME=VALUE, such as truncation=0.7")
        try:
            override_layer([word])
        except RecipeError as error:
            raise click.UsageError(f"--set {word}: {error.problems[0].what}") from error


def class_numbers(labels: tuple[str, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of classes that are given by number or by name.

    Raises:
        click.UsageError: a label is neither.
    """
    found = []
    for label in labels:
        if label in names:
            found.append(names.index(label))
        elif label.isdecimal():
            found.append(int(label))
        else:
            known = f"; there are {', '.join(names[:20])}" if names else ""
            raise click.UsageError(
                f"--label {label} is neither a number nor the name of a class{known}"
            )
    return tuple(found)


def default_name(
    checkpoint: str,
    seed: int,
    count: int,
    labels: tuple[int, ...],
    interpolate: int | None,
    suffix: str,
    words: Sequence[str] = (),
) -> str:
    """Return a file name that no other request has, except for very long ones.

    Args:
        words: ``NAME=VALUE`` for everything else that was asked for.
    """
    parts = ["interpolation" if interpolate else "sample", checkpoint, f"seed{seed}", f"n{count}"]
    parts += [f"steps{interpolate}"] if interpolate else []
    parts += ["label" + ".".join(map(str, labels))[:100]] if labels else []
    parts += [quote(word, safe="=")[:100] for word in words]
    return "-".join(parts) + suffix
