"""Scores of samples that no run of ganzoo made, kept beside runs so that they can be compared.

Such a directory has a run.json with the key ``samples``, one score and perhaps a picture; no recipe
and no checkpoint.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ganzoo.errors import UsageError
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import command, reference_to
from ganzoo.runs.score import Score

Kind = Literal["run", "samples", "yardstick"]
"""A run of ganzoo; samples of another tool; samples of no trained model, to measure others by."""

PICTURE = "samples.png"


def keep_score(
    score: Score,
    name: str,
    runs_directory: Path,
    *,
    seed: int = 0,
    yardstick: bool = False,
    description: str = "",
) -> RunDirectory:
    """Write the score of samples into a new directory; return it.

    Args:
        name: what a row of the leaderboard is called; samples of one name and description that
            differ in their seeds are one row.
        yardstick: whether no trained model made them, so that they take no rank.
        description: what made them, in words.

    Raises:
        UsageError: a name that a run could not have, or a place that cannot be written.
        DiskFull: it has no room.
    """
    directory = RunDirectory.create(runs_directory, name, seed)
    kind: Kind = "yardstick" if yardstick else "samples"
    directory.write_info(samples={"kind": kind, "description": description})
    directory.append_score(score)
    directory.append_event("finished", step=0, how="scored")
    return directory


def kind_of(info: Mapping[str, Any]) -> Kind:
    """Return what a run.json is the record of.

    Raises:
        ValueError: of samples, and it does not say of which kind.
    """
    if "samples" not in info:
        return "run"
    kind = info["samples"]["kind"]
    if kind not in ("samples", "yardstick"):
        raise ValueError(f"no kind of samples: {kind!r}")
    return kind


def require_run(directory: RunDirectory) -> None:
    """Refuse the score of samples where a run is needed.

    Raises:
        UsageError: it is one.
    """
    if "samples" in directory.info():
        raise UsageError(
            f"{reference_to(directory.path)} is a score of samples; no run made them",
            hint=command("compare", runs_directory=directory.path.parent),
        )
