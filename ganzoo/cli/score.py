"""``ganzoo score``: score a checkpoint, or samples from any tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import completion, options
from ganzoo.cli.output import emit, emit_json, report_error, say
from ganzoo.errors import DataError, GanzooError, Interrupted, Unfinished, UsageError
from ganzoo.registry.names import shorten
from ganzoo.runs.directory import INFO
from ganzoo.runs.references import command, reference_to
from ganzoo.training.progress import is_main_process

if TYPE_CHECKING:
    from ganzoo.runs.score import Score
    from ganzoo.training.external_scores import Keep
    from ganzoo.training.run import Run


@dataclass(frozen=True)
class ScoreOptions:
    """The flags of ``ganzoo score``."""

    against: str | None
    like: str | None
    split: str | None
    extractor: str | None
    name: str | None
    seed: int
    yardstick: bool
    checkpoint: str
    expect_processes: int | None
    runs_dir: Path
    plugin: Path | None

    def check(self) -> None:
        """Raise click.UsageError if two flags contradict each other or one lacks its partner."""
        if self.against and self.like:
            raise click.UsageError("--against and --like are two protocols; choose one")
        for option, value in (
            ("split", self.split),
            ("extractor", self.extractor),
            ("plugin", self.plugin),
        ):
            if value and not self.against:
                raise click.UsageError(f"--{option} needs --against, which is missing")
        if self.yardstick and not self.name:
            raise click.UsageError("--yardstick needs --name, which is missing")

    def keep(self) -> Keep | None:
        """Return where and under which name a score of samples is kept; None: nowhere."""
        from ganzoo.runs.references import check_name
        from ganzoo.training.external_scores import Keep

        if self.name is None:
            return None
        check_name(self.name, ("score", "PATH"))
        return Keep(self.name, self.runs_dir, self.seed, self.yardstick)


@click.command()
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="RUN|PATH… [KEY=VALUE…]",
    shell_complete=completion.runs_and_overrides,
)
@click.option(
    "--against",
    metavar="DATASET|PATH",
    shell_complete=completion.datasets,
    help="Reference of the samples: a data set, folder, zip, or npz (samples, or mu and sigma).",
)
@click.option(
    "--like",
    metavar="RUN",
    shell_complete=completion.runs,
    help="Use this run's evaluation protocol.",
)
@click.option("--split", metavar="NAME", help="Split of --against; default: train.")
@click.option(
    "--extractor",
    metavar="NAME",
    help="Extractor for --against, instead of the data set's own; with parameters: "
    "'{use: NAME, KEY: VALUE}'.",
)
@click.option("--name", metavar="NAME", help="Keep the score of PATH as a row of the leaderboard.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, help="With --name: the samples' seed."
)
@click.option(
    "--yardstick", is_flag=True, help="With --name: no model made the samples; not ranked."
)
@options.checkpoint
@options.expect_processes
@options.runs_directory
@options.plugin
@options.as_json
def score(words: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    """Score a checkpoint of each RUN, or a folder, zip or npz of samples from any tool.

    The score of a run is added to its records. KEY=VALUE changes how the run is evaluated
    (eval.final_samples=10000); --like evaluates it as another run was.

    Samples need --against or --like; KEY=VALUE are then parameters of --against (size=16). With
    --name their score is kept, and `ganzoo compare` ranks it together with the runs.

    If one of several cannot be scored, the rest still are.
    """
    given = ScoreOptions(**flags)
    given.check()
    overrides = tuple(word for word in words if "=" in word and not Path(word).exists())
    references = [word for word in dict.fromkeys(words) if word not in overrides]
    if not references:
        raise click.UsageError("missing RUN or PATH to score")
    if given.name and len(references) > 1:
        raise click.UsageError(f"--name names one score, not {len(references)}")
    if len(references) == 1:
        _show({references[0]: score_one(references[0], overrides, given)}, as_json)
    else:
        _score_all(references, overrides, given, as_json)


def score_one(reference: str, overrides: tuple[str, ...], given: ScoreOptions) -> Score:
    """Score a run, or samples."""
    samples = are_samples(reference)
    if given.name and not samples:
        raise click.UsageError(f"{reference} is a run, which keeps its own scores; drop --name")
    if samples and given.checkpoint != "final":
        raise click.UsageError(f"{reference} holds samples, which have no --checkpoint")
    if not samples:
        return _score_run(reference, overrides, given)
    score = _score_samples(Path(reference), overrides, given)
    if given.name and is_main_process():
        say(f"kept in {given.runs_dir} as a row called {given.name}")
    return score


def _score_all(
    references: list[str], overrides: tuple[str, ...], given: ScoreOptions, as_json: bool
) -> None:
    """Score one after the other, even if some fail; only a stop signal ends all.

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
            report_error(error)
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
    """Return whether a word is a path that holds samples, and no run.

    Raises:
        DataError: it can only be the name of a file, and there is no such file.
    """
    path = Path(reference)
    if not path.exists() and path.suffix[1:].isalpha():  # a version such as .2 may end a run's name
        raise DataError(f"there is no file {reference}", hint=f"ls {quote(str(path.parent))}")
    return path.exists() and not (path / INFO).exists()


def _score_run(reference: str, overrides: tuple[str, ...], given: ScoreOptions) -> Score:
    from ganzoo.training.run import load

    run = load(reference, given.runs_dir)
    if given.against:
        raise UsageError(
            f"{run.name} is a run, which has its reference already; --against is for samples",
            hint=command("score", reference_to(run.path), "eval.reference=SPLIT"),
        )
    like = _evaluation_of(load(given.like, given.runs_dir), run) if given.like else None
    if like and overrides:
        raise click.UsageError("--like takes the other run's protocol; drop the KEY=VALUE")
    return run.score(
        checkpoint=options.which(given.checkpoint),
        overrides=like or overrides,
        expect_processes=given.expect_processes,
    )


def _evaluation_of(like: Run, run: Run) -> dict[str, Any]:
    """Return how one run was evaluated, as overrides for another of the same data."""
    from ganzoo.training.run_files import data_of

    (theirs, content), (own, own_content) = (data_of(each.directory) for each in (like, run))
    other = content and own_content and content != own_content
    if other or theirs.partition(":")[0] != own.partition(":")[0]:
        raise UsageError(
            f"{like.name} was scored against {shorten(theirs)} and {run.name} against "
            f"{shorten(own)}{', which is other data' * (theirs == own)}: their scores cannot be "
            "compared",
            hint=command("compare", "--by-dataset"),
        )
    return like.evaluation()


def _score_samples(path: Path, overrides: tuple[str, ...], given: ScoreOptions) -> Score:
    from ganzoo.training.external_scores import score_against, score_like
    from ganzoo.training.run import load

    keep = given.keep()
    if given.like:
        if overrides:
            raise click.UsageError("--like takes the run's protocol; drop the KEY=VALUE")
        return score_like(path, load(given.like, given.runs_dir), keep=keep, tell=say)
    if not given.against:
        raise UsageError(
            f"{path} holds samples, which need a reference: --against DATASET, --against PATH or "
            "--like RUN",
            hint=command("score", path, "--like", "last", runs_directory=given.runs_dir),
        )
    return score_against(
        path,
        given.against,
        options.parameters(overrides),
        split=given.split or "train",
        extractor=_extractor(given.extractor) if given.extractor else None,
        registry=options.registry(given.plugin),
        keep=keep,
    )


def _extractor(text: str) -> dict[str, Any]:
    """Return an extractor's name or flow mapping as a component in its long form."""
    from ganzoo.recipes.overrides import override_layer

    node = override_layer([f"eval.extractor={text}"]).data["eval"]["extractor"]
    if isinstance(node, dict) and isinstance(node.get("use"), str):
        return node
    raise UsageError(
        f"--extractor {text}: expected a name, or {{use: NAME, KEY: VALUE}}",
        hint="ganzoo list extractors",
    )


def _show(scores: dict[str, Score], as_json: bool, *, heading: bool = False) -> None:
    """Print scores by the name of what was scored, on the main process only.

    Args:
        heading: whether to print those names, because there are several.
    """
    if not is_main_process():
        return
    if as_json:
        found = [{"scored": name} | score.to_dict() for name, score in scores.items()]
        content = found if heading else next(iter(scores.values())).to_dict()
        emit_json(content)
        return
    for name, score in scores.items():
        if heading:
            emit(name)
        emit("\n".join(_lines(score)))


def _lines(result: Score) -> list[str]:
    statistics = {} if result.statistics is None else vars(result.statistics)
    error = f" ± {figure(statistics['standard_error'])}" if statistics else ""
    lines = [f"{figure(result.value)}{error}  {result.protocol.words()}"]
    if result.sampling and result.sampling.words:
        lines.append(f"sampled with {result.sampling.words}")
    for name, value in {**statistics, **result.metrics}.items():
        if name != "standard_error" and value is not None:
            lines.append(f"{figure(value)}  {name}")
    return [*lines, *result.notes]


def figure(value: float) -> str:
    """Format with 4 decimals, or with 4 significant digits if too small or too large for that."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e9 else f"{value:.3e}"
