"""The leaderboard: runs ranked by score, within one protocol only.

Runs that differ in their seeds alone are one row. What cannot be ranked is listed with the reason
and the command that would change it; nothing is left out in silence.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzoo.errors import ComparisonError, RecipeError
from ganzoo.recipes.lock import read_lock
from ganzoo.registry.names import qualify, shorten
from ganzoo.report.candidates import (
    Candidate,
    Unranked,
    candidate,
    datasets_of,
    no_such_dataset,
    was_run,
)
from ganzoo.report.leaderboard import Comparison
from ganzoo.report.naming import leaves_of
from ganzoo.report.published import published_figures
from ganzoo.report.ranking import rank, with_recipes
from ganzoo.report.where import Condition, require_known
from ganzoo.runs.directory import RunDirectory, unreadable
from ganzoo.runs.references import command
from ganzoo.runs.score import Protocol, Score


def compare(
    runs: Sequence[str | Path] | None = None,
    runs_directory: str | Path = "runs",
    *,
    dataset: str | None = None,
    where: Sequence[str] = (),
    sort: str | None = None,
    only_changed: bool = False,
) -> Comparison:
    """Rank runs by the score of their final generator.

    The protocol that most runs were scored under is the one that is ranked (of several, the one
    used last). Rows are sorted by their mean over seeds, lower being better.

    Args:
        runs: paths, prefixes of names, or ``last``; None: all of `runs_directory`.
        dataset: only runs scored against this data set.
        where: only runs whose recipes fulfil all of these conditions; see `ganzoo.report.where`.
        sort: a column to order the rows by, ``-column`` for the largest first; None: by rank.
            A row keeps the number of its rank.
        only_changed: whether the keys of the recipes that differ become columns.

    Raises:
        ComparisonError: no two runs share a protocol, or there is no score at all.
        UsageError: a reference that fits no run or several; a condition or column that cannot be.
    """
    directory = Path(runs_directory)
    read = _read(runs, directory, where)
    wanted = None
    if dataset is not None:
        if problem := no_such_dataset(dataset, read, directory):
            raise problem
        wanted = qualify(dataset)
        read = [each for each in read if wanted in datasets_of(each) or not datasets_of(each)]
    return _ranking(read, directory, wanted, sort, only_changed)


def compare_by_dataset(
    runs: Sequence[str | Path] | None = None,
    runs_directory: str | Path = "runs",
    *,
    where: Sequence[str] = (),
    sort: str | None = None,
    only_changed: bool = False,
) -> tuple[Comparison, ...]:
    """Rank the runs of each data set by themselves, the data set of most runs first.

    Arguments and errors are those of `compare`. Runs of a data set of which no two share a protocol
    are listed as not ranked under the first ranking.
    """
    directory = Path(runs_directory)
    read = _read(runs, directory, where)
    of_each: dict[str, list[Candidate | Unranked]] = defaultdict(list)
    for each in read:
        for dataset in sorted(datasets_of(each)):
            of_each[dataset].append(each)
    rankings: list[Comparison] = []
    rest = [each for each in read if not datasets_of(each)]
    for dataset in sorted(of_each, key=lambda name: (-len(of_each[name]), name)):
        try:
            ranking = _ranking(of_each[dataset], directory, dataset, None, only_changed)
        except ComparisonError:
            rest += of_each[dataset]
        else:
            rankings.append(ranking)
    if not rankings:
        return (_ranking(read, directory, None, sort, only_changed),)
    first = replace(rankings[0], unranked=(*rankings[0].unranked, *map(_alone, rest)))
    return _sorted((first, *rankings[1:]), sort)


def _sorted(rankings: tuple[Comparison, ...], column: str | None) -> tuple[Comparison, ...]:
    """Order those rankings that have the column; what has no such metric keeps its order."""
    if not column:
        return rankings
    if not any(each.has_column(column) for each in rankings):
        return (rankings[0].sorted_by(column),)  # which says what columns there are
    return tuple(each.sorted_by(column) if each.has_column(column) else each for each in rankings)


def _alone(each: Candidate | Unranked) -> Unranked:
    if isinstance(each, Unranked):
        return each
    words = " and ".join(protocol.words() for protocol in each.protocols().values())
    return Unranked(each.run.name, f"no other run was scored under its protocol, {words}")


def _read(
    runs: Sequence[str | Path] | None, directory: Path, where: Sequence[str]
) -> list[Candidate | Unranked]:
    chosen = _chosen(runs, directory)
    read = [candidate(run) for run in _where(chosen, where, directory)]
    if runs is None:
        others = unreadable(directory, readable=chosen)
        read += [_unreadable(path, why) for path, why in others if was_run(path)]
    return read


def _ranking(
    read: Sequence[Candidate | Unranked],
    directory: Path,
    wanted: str | None,
    sort: str | None,
    only_changed: bool,
) -> Comparison:
    """Rank what was read, under a protocol of the data set `wanted` if there is one."""
    candidates = [each for each in read if isinstance(each, Candidate)]
    unranked = [each for each in read if isinstance(each, Unranked)]
    if not candidates:
        raise _nothing(unranked, directory)
    protocol = _most_common(candidates, wanted)
    ranked = [each for each in candidates if each.final(protocol.id)]
    others = [each for each in candidates if not each.final(protocol.id)]
    if len(ranked) == 1 and others:
        raise _nothing_together(candidates, protocol, directory)
    unranked += [_other_protocol(each, protocol, ranked[0], directory) for each in others]
    kept, repeats = _without_repeats(ranked)
    directories = {each.run.name: each.run for each in kept}
    comparison = Comparison(protocol, rank(kept, protocol), (*unranked, *repeats), directories)
    comparison = replace(comparison, published=published_figures(candidates))
    if only_changed:
        comparison = with_recipes(comparison, {each.experiment: each.lock for each in kept})
    return comparison.sorted_by(sort) if sort else comparison


def _chosen(runs: Sequence[str | Path] | None, directory: Path) -> list[RunDirectory]:
    if runs is None:
        return RunDirectory.all(directory)
    named = [runs] if isinstance(runs, str | Path) else runs
    found = {run.path.resolve(): run for run in (RunDirectory.find(r, directory) for r in named)}
    return list(found.values())


def _where(
    runs: Sequence[RunDirectory], conditions: Sequence[str], directory: Path
) -> list[RunDirectory]:
    """Return the runs whose recipes fulfil every condition, and those that cannot be read."""
    if not conditions:
        return list(runs)
    asked = [Condition.of(text) for text in conditions]
    recipes: dict[str, Mapping[str, Any]] = {}
    for run in runs:
        with contextlib.suppress(RecipeError):
            recipes[run.name] = leaves_of(read_lock(run.lock_file))
    require_known(asked, list(recipes.values()))
    fitting = [name for name, recipe in recipes.items() if all(c.holds(recipe) for c in asked)]
    if recipes and not fitting:
        raise ComparisonError(
            f"none of {len(recipes)} runs has a recipe with {' and '.join(conditions)}",
            hint=command("compare", "--only-changed", runs_directory=directory),
        )
    return [run for run in runs if run.name in fitting or run.name not in recipes]


def _unreadable(path: Path, why: str) -> Unranked:
    return Unranked(path.name, f"its records cannot be read: {why}")


def _most_common(candidates: Iterable[Candidate], dataset: str | None) -> Protocol:
    """Return the protocol of most runs; of several, the one that runs ended with themselves.

    Where there are several of those too, it is the one that a score was made under last.
    """
    users: dict[str, list[Score]] = defaultdict(list)
    for each in candidates:
        for identifier, protocol in each.protocols().items():
            score = each.final(identifier)
            if score and dataset in (None, protocol.reference):
                users[identifier].append(score)

    def weight(scores: list[Score]) -> tuple[int, int, str]:
        own = sum(score.sampling.selected == "final" for score in scores if score.sampling)
        return len(scores), own, max(score.time for score in scores)

    return max(users.values(), key=weight)[0].protocol


def _nothing(unranked: Sequence[Unranked], directory: Path) -> ComparisonError:
    make = command("run", "RECIPE", runs_directory=directory)
    if not unranked:
        return ComparisonError(f"there are no runs in {directory}", hint=make)
    lines = [f"  {each.run}: {each.reason}" for each in unranked]
    commands = [each.command for each in unranked if each.command]
    return ComparisonError(
        "\n".join(["no run has a score that could be ranked", *lines]),
        hint=commands[0] if commands else make,
    )


def _nothing_together(
    candidates: Sequence[Candidate], protocol: Protocol, directory: Path
) -> ComparisonError:
    (first,) = (each for each in candidates if each.final(protocol.id))
    others = [
        _other_protocol(each, protocol, first, directory)
        for each in candidates
        if each is not first
    ]
    lines = [f"  {first.run.name}: {protocol.words()}"]
    lines += [f"  {each.run}: {each.reason}" for each in others]
    return ComparisonError(
        "\n".join([f"{len(candidates)} runs, no two of them scored under one protocol", *lines]),
        hint=others[0].command,
    )


def _other_protocol(
    each: Candidate, ranked: Protocol, first: Candidate, directory: Path
) -> Unranked:
    """Say in plain words how the protocol of a run differs, and how to score it like the others.

    Of several protocols it is the one most like that of the ranking.
    """
    own = min(each.protocols().values(), key=lambda own: len(own.differences(ranked)))
    if own.reference == ranked.reference and each.kind != "run":
        way = command("score", "SAMPLES", "--like", first.reference, "--name", each.name)
    elif own.reference == ranked.reference:
        way = command("score", each.reference, "--like", first.reference)
    else:
        shown = shorten(own.reference)
        way = command("compare", "--dataset", shown, runs_directory=directory)
    reason = f"another protocol, {own.words()}; its own / ranked: " + "; ".join(
        own.differences(ranked)
    )
    if own.reference != ranked.reference:  # from which the other differences follow
        reason = f"another data set, {own.words()}"
    return Unranked(each.run.name, reason, way, own.reference)


def _without_repeats(ranked: Iterable[Candidate]) -> tuple[list[Candidate], list[Unranked]]:
    """Keep the newest run of each experiment and seed: a repeat is no further seed."""
    newest: dict[tuple[str, int], Candidate] = {}
    repeats = []
    for each in sorted(ranked, key=lambda each: each.created):
        key = (each.experiment, each.seed)
        if before := newest.pop(key, None):
            reason = f"repeats seed {each.seed} of an experiment; {each.run.name} is newer"
            repeats.append(Unranked(before.run.name, reason))
        newest[key] = each
    return list(newest.values()), repeats
