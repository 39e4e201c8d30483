"""Scores of samples from other tools, stored among the runs so that they can be compared.

Such a directory has a run.json with the key ``samples``, one score and a preview of the samples,
but no recipe and no checkpoint.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ganzoo.errors import UsageError
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import command, reference_to
from ganzoo.runs.score import Score

Kind = Literal["run", "samples", "yardstick"]
"""A run of ganzoo; samples of another tool; a baseline that no trained model produced."""


def keep_score(
    score: Score,
    name: str,
    runs_directory: Path,
    *,
    seed: int = 0,
    yardstick: bool = False,
    description: str = "",
    sha256: str | None = None,
) -> RunDirectory:
    """Write the score of external samples into a new directory; return the directory.

    Args:
        name: name of the row in the leaderboard. Samples that share name and description and
            differ in seed form one row.
        yardstick: True for a baseline that no trained model produced; it gets no rank.
        description: what produced the samples, in words.
        sha256: hash of the samples' content: the same ones under two seeds count once.

    Raises:
        UsageError: the name is not valid for a run, or the directory cannot be written.
        DiskError: there is no room, or the disk fails.
    """
    kind: Kind = "yardstick" if yardstick else "samples"

    def fill(directory: RunDirectory) -> None:
        directory.write_info(samples={"kind": kind, "description": description, "sha256": sha256})
        directory.append_score(score)
        directory.append_event("finished", step=0, how="scored")

    return RunDirectory.create(runs_directory, name, seed, fill)


def kind_of(info: Mapping[str, Any]) -> Kind:
    """Return what the contents of a run.json describe.

    Raises:
        ValueError: external samples of an unknown kind.
    """
    if "samples" not in info:
        return "run"
    kind = info["samples"]["kind"]
    if kind not in ("samples", "yardstick"):
        raise ValueError(f"unknown kind of samples: {kind!r}")
    return kind


def require_run(directory: RunDirectory) -> None:
    """Check that a directory is a run of ganzoo.

    Raises:
        UsageError: it is the score of external samples.
    """
    if "samples" in directory.info():
        raise UsageError(
            f"{reference_to(directory.path)} is the score of external samples, not a run",
            hint=command("compare", runs_directory=directory.path.parent),
        )
