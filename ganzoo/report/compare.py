"""From runs to a leaderboard: ranked by score, within one protocol only.

Runs that differ only in their seeds are one row. A run that cannot be ranked is listed with the
reason and the command that would change it; no run is left out silently.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzoo.errors import ComparisonError, RecipeError, UsageError
from ganzoo.recipes.lock import code_differences, read_lock
from ganzoo.registry.names import qualify, shorten
from ganzoo.report.entries import (
    Entry,
    Unranked,
    damaged_lines,
    datasets_of,
    is_dataset,
    read_entry,
    unknown_dataset,
    was_run,
)
from ganzoo.report.leaderboard import Leaderboard
from ganzoo.report.naming import leaves_of
from ganzoo.report.published import published_figures
from ganzoo.report.rows import rank_rows, with_recipes
from ganzoo.report.where import Condition, require_known
from ganzoo.runs.directory import RunDirectory, unreadable
from ganzoo.runs.references import command
from ganzoo.runs.score import Protocol, Score


def compare(
    runs: Sequence[str | Path] | None = None,
    runs_directory: str | Path = "runs",
    *,
    dataset: str | None = None,
    protocol: str | None = None,
    where: Sequence[str] = (),
    sort: str | None = None,
    only_changed: bool = False,
) -> Leaderboard:
    """Rank runs by the score of their final generator.

    The ranked protocol is the one that most runs were scored under; if several have as many runs,
    the one used last. Rows are sorted by their mean over seeds, lower being better.

    Args:
        runs: paths, unique prefixes of names, or ``last``; None: all of `runs_directory`.
        dataset: only runs scored against this data set.
        protocol: the id of the protocol to rank, or how it begins.
        where: only runs whose recipes satisfy all of these conditions; see `ganzoo.report.where`.
        sort: a column to sort the rows by, ``-column`` for the largest first; None: by rank.
            A row keeps its rank.
        only_changed: whether the recipe keys that differ become columns.

    Raises:
        ComparisonError: no run has a score.
        UsageError: no run or several runs match a name; a wrong condition; no such column or
            protocol.
    """
    directory = Path(runs_directory)
    read = _read(runs, directory, where)
    wanted = None
    if dataset is not None:
        if problem := unknown_dataset(dataset, read, directory):
            raise problem
        wanted = qualify(dataset)
        read = [
            each
            for each in read
            if any(is_dataset(wanted, data) for data in datasets_of(each)) or not datasets_of(each)
        ]
    return _leaderboard(read, directory, wanted, sort, only_changed, protocol)


def compare_by_dataset(
    runs: Sequence[str | Path] | None = None,
    runs_directory: str | Path = "runs",
    *,
    where: Sequence[str] = (),
    sort: str | None = None,
    only_changed: bool = False,
) -> tuple[Leaderboard, ...]:
    """Return one leaderboard per data set, the data set with the most runs first.

    Arguments and errors are those of `compare`. Runs of a data set that none of them has a score
    for are listed as not ranked below the first leaderboard.
    """
    directory = Path(runs_directory)
    read = _read(runs, directory, where)
    by_dataset: dict[str, list[Entry | Unranked]] = defaultdict(list)
    for each in read:
        for dataset in sorted(datasets_of(each)):
            by_dataset[dataset].append(each)
    boards: list[Leaderboard] = []
    rest = [each for each in read if isinstance(each, Unranked) and not datasets_of(each)]
    for dataset in sorted(by_dataset, key=lambda name: (-len(by_dataset[name]), name)):
        try:
            board = _leaderboard(by_dataset[dataset], directory, dataset, None, only_changed)
        except ComparisonError:  # none of them has a score
            rest += [each for each in by_dataset[dataset] if isinstance(each, Unranked)]
        else:
            boards.append(board)
    if not boards:
        return (_leaderboard(read, directory, None, sort, only_changed),)
    first = replace(boards[0], unranked=(*boards[0].unranked, *rest))
    return _sorted((first, *boards[1:]), sort)


def _sorted(boards: tuple[Leaderboard, ...], column: str | None) -> tuple[Leaderboard, ...]:
    """Sort those leaderboards that have the column; the others, without that metric, stay."""
    if not column:
        return boards
    if not any(each.has_column(column) for each in boards):
        return (boards[0].sorted_by(column),)  # raises, and names the columns there are
    return tuple(each.sorted_by(column) if each.has_column(column) else each for each in boards)


def _read(
    runs: Sequence[str | Path] | None, directory: Path, where: Sequence[str]
) -> list[Entry | Unranked]:
    found = _find_runs(runs, directory)
    read = [read_entry(run) for run in _matching(found, where, directory)]
    if runs is None:
        read += [
            Unranked(path.name, f"its records cannot be read: {why}")
            for path, why in unreadable(directory, readable=found)
            if was_run(path)
        ]
    return read


def _find_runs(runs: Sequence[str | Path] | None, directory: Path) -> list[RunDirectory]:
    if runs is None:
        return RunDirectory.all(directory)
    named = [runs] if isinstance(runs, str | Path) else runs
    found = {run.path.resolve(): run for run in (RunDirectory.find(r, directory) for r in named)}
    return list(found.values())


def _matching(
    runs: Sequence[RunDirectory], where: Sequence[str], directory: Path
) -> list[RunDirectory]:
    """Return the runs whose recipes satisfy every condition, and those that cannot be read."""
    if not where:
        return list(runs)
    conditions = [Condition.of(text) for text in where]
    recipes: dict[str, Mapping[str, Any]] = {}
    for run in runs:
        with contextlib.suppress(RecipeError):
            recipes[run.name] = leaves_of(read_lock(run.lock_file))
    require_known(conditions, list(recipes.values()))
    fitting = [
        name for name, recipe in recipes.items() if all(each.holds(recipe) for each in conditions)
    ]
    if recipes and not fitting:
        raise ComparisonError(
            f"none of {len(recipes)} runs has a recipe with {' and '.join(where)}",
            hint=command("compare", "--only-changed", runs_directory=directory),
        )
    return [run for run in runs if run.name in fitting or run.name not in recipes]


def _leaderboard(
    read: Sequence[Entry | Unranked],
    directory: Path,
    dataset: str | None,
    sort: str | None,
    only_changed: bool,
    protocol_id: str | None = None,
) -> Leaderboard:
    """Rank the entries under their most common protocol; with `dataset`, under one of that.

    Args:
        protocol_id: of the protocol to rank instead, or how it begins.
    """
    entries = [each for each in read if isinstance(each, Entry)]
    unranked = [each for each in read if isinstance(each, Unranked)]
    if not entries:
        raise _no_score(unranked, directory)
    scores_under = _scores_by_protocol(entries, dataset)
    protocol = _chosen_protocol(scores_under, protocol_id, directory)
    ranked = [each for each in entries if each.final(protocol.id)]
    others = [each for each in entries if not each.final(protocol.id)]
    unranked += [_other_protocol(each, protocol, ranked[0], directory) for each in others]
    unranked += damaged_lines(entries)
    kept, repeats = _without_repeats(ranked, protocol.id)
    rows = rank_rows(kept, protocol)
    if only_changed:
        rows = with_recipes(rows, {each.experiment: each.lock for each in kept})
    board = Leaderboard(
        protocol,
        rows,
        (*unranked, *repeats),
        directories={each.run.name: each.run for each in kept},
        published=published_figures(entries),
        other_code=_other_code(kept, {row.experiment_id: row.name for row in rows}),
        protocols=tuple((scores[0].protocol, len(scores)) for scores in scores_under),
    )
    return board.sorted_by(sort) if sort else board


def _scores_by_protocol(entries: Iterable[Entry], dataset: str | None) -> list[list[Score]]:
    """Return the final scores under each protocol, that of most runs first.

    Of several, the one that most runs ended with themselves is first; of several of those too, the
    one that was used last.
    """
    scores_under: dict[str, list[Score]] = defaultdict(list)
    for each in entries:
        for identifier, protocol in each.protocols().items():
            score = each.final(identifier)
            if score and (dataset is None or is_dataset(dataset, protocol.data)):
                scores_under[identifier].append(score)

    def weight(scores: list[Score]) -> tuple[int, int, str]:
        own = sum(score.selected == "final" for score in scores)
        return len(scores), own, max(score.time for score in scores)

    return sorted(scores_under.values(), key=weight, reverse=True)


def _chosen_protocol(
    scores_under: Sequence[Sequence[Score]], wanted: str | None, directory: Path
) -> Protocol:
    """Return the first protocol, or the one whose id begins with `wanted`.

    Raises:
        UsageError: `wanted` begins no id, or several.
    """
    protocols = [scores[0].protocol for scores in scores_under]
    fitting = [each for each in protocols if each.id.startswith(wanted or "")]
    if wanted is None or len(fitting) == 1:
        return fitting[0]
    known = ", ".join(f"{each.id} ({each.words()})" for each in fitting or protocols)
    what = "begins several ids" if fitting else "no such protocol"
    raise UsageError(
        f"--protocol {wanted}: {what}; there are {known}",
        hint=command(
            "compare", "--protocol", (fitting or protocols)[0].id, runs_directory=directory
        ),
    )


def _no_score(unranked: Sequence[Unranked], directory: Path) -> ComparisonError:
    """Return the error for runs none of which has a score, with the reason for each."""
    make = command("run", "digits-dcgan-hinge", runs_directory=directory)
    if not unranked:
        return ComparisonError(f"there are no runs in {directory}", hint=make)
    lines = [f"  {each.run}: {each.reason}" for each in unranked]
    commands = [each.command for each in unranked if each.command]
    return ComparisonError(
        "\n".join(["no run has a score that could be ranked", *lines]),
        hint=commands[0] if commands else make,
    )


def _other_protocol(each: Entry, ranked: Protocol, first: Entry, directory: Path) -> Unranked:
    """Return how the protocol of a run differs, and the command that scores it like the others.

    Of several protocols of the run, take the one closest to the ranked one.
    """
    own = min(each.protocols().values(), key=lambda own: len(own.differences(ranked)))
    if not _same_data(each, own, first, ranked):
        way = command("compare", "--dataset", shorten(own.data), runs_directory=directory)
    elif each.kind != "run":
        way = command("score", "SAMPLES", "--like", first.reference, "--name", each.name)
    else:
        way = command("score", each.reference, "--like", first.reference)
    reason = f"another protocol, {own.words()}; its own / ranked: " + "; ".join(
        own.differences(ranked)
    )
    if not _same_data(each, own, first, ranked):  # the other differences follow from this one
        reason = f"another data set, {own.words()}"
    return Unranked(each.run.name, reason, way, own.data)


def _same_data(each: Entry, own: Protocol, first: Entry, ranked: Protocol) -> bool:
    """Return whether one entry can be scored against the reference of another."""
    if own.reference != ranked.reference or own.split == ranked.split:
        return own.reference_sha256 == ranked.reference_sha256
    if "run" in (each.kind, first.kind) and each.kind == first.kind:
        return bool(each.lock.get("dataset") == first.lock.get("dataset"))
    return own.data == ranked.data


def _other_code(kept: Sequence[Entry], names: Mapping[str, str]) -> dict[str, list[str]]:
    """Return, for each experiment whose runs were made by different code, what differs in it."""
    runs: dict[str, dict[str, Entry]] = defaultdict(dict)
    for each in kept:
        runs[each.experiment].setdefault(each.code, each)
    return {
        names[experiment]: differences
        for experiment, differing in runs.items()
        if len(differing) > 1
        and (differences := code_differences([each.lock for each in differing.values()]))
    }


def _without_repeats(
    ranked: Iterable[Entry], protocol_id: str
) -> tuple[list[Entry], list[Unranked]]:
    """Keep the newest run of each experiment and seed, and of equal ones in a row the first.

    Neither a repeat nor the same weights or samples under another number is another seed.
    """
    newest: dict[tuple[str, int], Entry] = {}
    repeats = []
    for each in sorted(ranked, key=lambda each: each.created):
        key = (each.experiment, each.seed)
        if before := newest.pop(key, None):
            reason = f"repeats seed {each.seed} of an experiment; {each.run.name} is newer"
            repeats.append(Unranked(before.run.name, reason))
        newest[key] = each
    first: dict[tuple[str, str], Entry] = {}
    for key, each in list(newest.items()):
        content = each.content(protocol_id)
        known = each if content is None else first.setdefault((each.experiment, content), each)
        if known is each:
            continue
        what = "weights" if each.kind == "run" else "samples"
        reason = f"has the same {what} as {known.run.name}: no other seed"
        repeats.append(Unranked(each.run.name, reason))
        del newest[key]
    return list(newest.values()), repeats
