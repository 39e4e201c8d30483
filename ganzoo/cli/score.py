"""``ganzoo score``: a checkpoint, or samples that any tool made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import options

if TYPE_CHECKING:
    from ganzoo.runs.score import Score


@click.command()
@click.argument("reference", metavar="RUN|PATH")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE…]")
@click.option("--against", metavar="DATASET|PATH", help="Score the samples in PATH against this.")
@click.option("--like", metavar="RUN", help="By the protocol of this run.")
@click.option("--split", default="train", show_default=True, help="Of --against.")
@click.option("--extractor", metavar="NAME", help="With --against: instead of the data set's own.")
@options.checkpoint
@options.expect_processes
@options.runs_directory
@options.as_json
def score(reference: str, overrides: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Score a checkpoint of RUN, or a folder, zip or npz of samples from any tool.

    For a run, KEY=VALUE changes how it is evaluated (eval.final_samples=10000), --like evaluates
    it as another run was, and the score is added to its records. Samples need --against or --like;
    KEY=VALUE are then parameters of --against (size=16).
    """
    if given["against"] and given["like"]:
        raise click.UsageError("--against and --like are two protocols; choose one")
    if given["against"] or (given["like"] and _is_samples(reference)):
        result = _foreign(Path(reference), overrides, given)
    else:
        result = _own(reference, overrides, given)
    _print(result, as_json)


def _is_samples(reference: str) -> bool:
    """Return whether a path holds samples, and is no run."""
    path = Path(reference)
    return path.exists() and not (path / "run.json").is_file()


def _own(reference: str, overrides: tuple[str, ...], given: dict[str, Any]) -> Score:
    from ganzoo.engine.run import load

    if _is_samples(reference):
        raise click.UsageError(
            f"{reference} is no run; say what its samples are to be compared with: "
            "--against DATASET, --against PATH or --like RUN"
        )
    like = load(given["like"], given["runs_dir"]).evaluation() if given["like"] else None
    if like and overrides:
        raise click.UsageError("--like takes the other run's protocol, and nothing else")
    return load(reference, given["runs_dir"]).score(
        checkpoint=options.which(given["checkpoint"]),
        overrides=like or overrides,
        expect_processes=given["expect_processes"],
    )


def _foreign(path: Path, overrides: tuple[str, ...], given: dict[str, Any]) -> Score:
    from ganzoo.engine.foreign import score_against, score_like
    from ganzoo.engine.run import load
    from ganzoo.recipes.overrides import override_layer

    if given["like"]:
        if overrides:
            raise click.UsageError("--like takes the run's own protocol, and nothing else")
        return score_like(path, load(given["like"], given["runs_dir"]))
    parameters = override_layer([f"dataset.{override}" for override in overrides]).data
    return score_against(
        path,
        given["against"],
        parameters.get("dataset", {}),
        split=given["split"],
        extractor=given["extractor"],
    )


def _print(result: Score, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
        return
    click.echo(f"{result.value:.4f}  {result.protocol.words()}")
    for name, value in result.metrics.items():
        click.echo(f"{value:.4f}  {name}")
