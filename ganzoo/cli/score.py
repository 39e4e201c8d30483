"""``ganzoo score``: a checkpoint, or samples that any tool made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import options
from ganzoo.cli.errors import report
from ganzoo.cli.output import is_main_process, say
from ganzoo.errors import DataError, GanzooError, Interrupted, Unfinished, UsageError
from ganzoo.registry.names import shorten
from ganzoo.runs.directory import INFO
from ganzoo.runs.references import command, reference_to

if TYPE_CHECKING:
    from ganzoo.runs.score import Score
    from ganzoo.training.external_scores import Keep
    from ganzoo.training.run import Run


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="RUN|PATH… [KEY=VALUE…]")
@click.option("--against", metavar="DATASET|PATH", help="Score the samples in PATH against this.")
@click.option("--like", metavar="RUN", help="By the protocol of this run.")
@click.option("--split", metavar="NAME", help="Of --against; train unless told otherwise.")
@click.option(
    "--extractor",
    metavar="NAME",
    help="With --against: instead of the data set's own; '{use: NAME, KEY: VALUE}' gives "
    "parameters.",
)
@click.option("--name", metavar="NAME", help="Keep the score of PATH: a row of the leaderboard.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="With --name: of the samples.")
@click.option("--yardstick", is_flag=True, help="With --name: no model made them; takes no rank.")
@options.checkpoint
@options.expect_processes
@options.runs_directory
@options.as_json
def score(words: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Score a checkpoint of each RUN, or a folder, zip or npz of samples from any tool.

    For a run, KEY=VALUE changes how it is evaluated (eval.final_samples=10000), --like evaluates
    it as another run was, and the score is added to its records. Samples need --against or --like;
    KEY=VALUE are then parameters of --against (size=16). With --name NAME their score is kept, and
    `ganzoo compare` ranks it beside the runs of --runs-dir. Of several, one that cannot be scored
    does not stop the rest.
    """
    if given["against"] and given["like"]:
        raise click.UsageError("--against and --like are two protocols; choose one")
    for option in ("split", "extractor"):
        if given[option] and not given["against"]:
            raise click.UsageError(f"--{option} is of --against, which is not given")
    if given["yardstick"] and not given["name"]:
        raise click.UsageError("--yardstick is of --name, which is not given")
    overrides = tuple(word for word in words if is_override(word))
    references = [word for word in dict.fromkeys(words) if word not in overrides]
    if not references:
        raise click.UsageError(f"{overrides[0]} is to be scored how? Name a RUN or a PATH as well")
    if given["name"] and len(references) > 1:
        raise click.UsageError(f"--name is for one, not for {len(references)}")
    if len(references) == 1:
        _show({references[0]: score_one(references[0], overrides, given)}, as_json)
    else:
        _score_all(references, overrides, given, as_json)


def is_override(word: str) -> bool:
    """Return whether a word is KEY=VALUE, and no path."""
    return "=" in word and not Path(word).exists()


def score_one(reference: str, overrides: tuple[str, ...], given: dict[str, Any]) -> Score:
    """Score a run, or samples."""
    samples = are_samples(reference)
    if given["name"] and not samples:
        raise click.UsageError(f"{reference} is a run, which keeps its scores itself; no --name")
    if samples and given["checkpoint"] != "final":
        raise click.UsageError(f"{reference} holds samples, which have no --checkpoint")
    if samples:
        score = _foreign(Path(reference), overrides, given)
        if given["name"] and is_main_process():
            say(f"kept in {given['runs_dir']} as a row called {given['name']}")
        return score
    return _own(reference, overrides, given)


def _score_all(
    references: list[str], overrides: tuple[str, ...], given: dict[str, Any], as_json: bool
) -> None:
    """Score one after the other, whatever becomes of the others; only a stop signal ends all.

    Raises:
        click.exceptions.Exit: some failed, with the exit code of the first.
    """
    scores: dict[str, Score] = {}
    failures: dict[str, int] = {}
    for reference in references:
        try:
            scores[reference] = score_one(reference, overrides, given)
        except (Interrupted, Unfinished):
            raise
        except GanzooError as error:
            say(f"{reference}:")
            report(error)
            failures[reference] = error.exit_code
        else:
            if not as_json:
                _show({reference: scores[reference]}, as_json, heading=True)
    if as_json:
        _show(scores, as_json, heading=True)
    if failures:
        say(f"{len(failures)} of {len(references)} were not scored: {', '.join(failures)}")
        raise click.exceptions.Exit(next(iter(failures.values())))


def are_samples(reference: str) -> bool:
    """Return whether a word means a path that holds samples, and no run.

    Raises:
        DataError: it can only mean a file, which is not there.
    """
    path = Path(reference)
    if not path.exists() and path.suffix.lower() in (".npz", ".zip"):
        raise DataError(f"there is no file {reference}", hint="ls -d *.npz *.zip */")
    return path.exists() and not (path / INFO).exists()


def _own(reference: str, overrides: tuple[str, ...], given: dict[str, Any]) -> Score:
    from ganzoo.training.run import load

    run = load(reference, given["runs_dir"])
    if given["against"]:
        raise UsageError(
            f"{run.name} is a run, which has its reference already; --against is for samples",
            hint=command("score", reference_to(run.path), "eval.reference=SPLIT"),
        )
    like = _evaluation_of(load(given["like"], given["runs_dir"]), run) if given["like"] else None
    if like and overrides:
        raise click.UsageError("--like takes the other run's protocol, and nothing else")
    return run.score(
        checkpoint=options.which(given["checkpoint"]),
        overrides=like or overrides,
        expect_processes=given["expect_processes"],
    )


def _evaluation_of(like: Run, run: Run) -> dict[str, Any]:
    """Return how one run was evaluated, as overrides for another of the same data set."""
    theirs, own = (each.plan.components["dataset",].id for each in (like, run))
    if theirs != own:
        raise UsageError(
            f"{like.name} was scored against {shorten(theirs)}, and {run.name} is of "
            f"{shorten(own)}: no score of the two can be compared",
            hint=command("compare", "--by-dataset"),
        )
    return like.evaluation()


def _foreign(path: Path, overrides: tuple[str, ...], given: dict[str, Any]) -> Score:
    from ganzoo.recipes.overrides import override_layer
    from ganzoo.training.external_scores import score_against, score_like
    from ganzoo.training.run import load

    keep = _kept(given)
    if given["like"]:
        if overrides:
            raise click.UsageError("--like takes the run's own protocol, and nothing else")
        return score_like(path, load(given["like"], given["runs_dir"]), keep=keep, tell=say)
    if not given["against"]:
        raise UsageError(
            f"{path} is no run: say what its samples are to be compared with, --against DATASET, "
            "--against PATH or --like RUN",
            hint=command("score", path, "--like", "last", runs_directory=given["runs_dir"]),
        )
    parameters = override_layer([f"dataset.{override}" for override in overrides]).data
    return score_against(
        path,
        given["against"],
        parameters.get("dataset", {}),
        split=given["split"] or "train",
        extractor=_extractor(given["extractor"]) if given["extractor"] else None,
        keep=keep,
    )


def _extractor(text: str) -> dict[str, Any]:
    """Return a name, or a component as a recipe has it, in its long form."""
    from ganzoo.recipes.overrides import override_layer

    node = override_layer([f"eval.extractor={text}"]).data["eval"]["extractor"]
    if isinstance(node, dict) and isinstance(node.get("use"), str):
        return node
    raise UsageError(
        f"--extractor {text}: a name is expected, or {{use: NAME, KEY: VALUE}}",
        hint="ganzoo list extractors",
    )


def _kept(given: dict[str, Any]) -> Keep | None:
    from ganzoo.runs.references import check_name
    from ganzoo.training.external_scores import Keep

    if given["name"] is None:
        return None
    check_name(given["name"], ("score", "PATH"))
    return Keep(given["name"], given["runs_dir"], given["seed"], given["yardstick"])


def _show(scores: dict[str, Score], as_json: bool, *, heading: bool = False) -> None:
    """Print scores by what they are of, once for all processes.

    Args:
        heading: whether there are several, so that each says what it is of.
    """
    if not is_main_process():
        return
    if as_json:
        found = [{"scored": name} | score.to_dict() for name, score in scores.items()]
        content = found if heading else next(iter(scores.values())).to_dict()
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    for name, score in scores.items():
        if heading:
            click.echo(name)
        click.echo("\n".join(_lines(score)))


def _lines(result: Score) -> list[str]:
    statistics = {} if result.statistics is None else vars(result.statistics)
    error = f" ± {figure(statistics['standard_error'])}" if statistics else ""
    lines = [f"{figure(result.value)}{error}  {result.protocol.words()}"]
    for name, value in {**statistics, **result.metrics}.items():
        if name != "standard_error" and value is not None:
            lines.append(f"{figure(value)}  {name}")
    return lines


def figure(value: float) -> str:
    """Return four places, or four digits of what they would say nothing about."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e9 else f"{value:.3e}"
