"""Every fault at every fault point: acknowledged checkpoints survive."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganzoo.runs import faults

ROOT = Path(__file__).parents[2]
Case = dict[str, Any]

ENDS = {"kill": {-9}, "sigterm": {-15}, "raise": {3}, "enospc": {3, 7}, "sleep": {0}}
"""How a process ends by each action: by the signal, by what was raised, or as a full disk."""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("faults")
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.fault_matrix", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_no_fault_at_any_point_loses_what_was_acknowledged(cases: list[Case]) -> None:
    assert not [case for case in cases if case["lost"]]


def test_every_point_was_reached_by_every_fault_and_ended_the_run_by_it(cases: list[Case]) -> None:
    first = {(case["point"], case["action"]): case["ended"] for case in cases if case["turn"] == 1}
    assert {point for point, _ in first} >= set(faults.POINTS)
    assert {action for _, action in first} == set(faults.ACTIONS) == set(ENDS)
    strange = {key: ended for key, ended in first.items() if ended not in ENDS[key[1]]}
    assert not strange
    assert len(cases) == 2 * len(first)


def test_points_cover_publishing_pruning_loading_and_records() -> None:
    from .fault_matrix import points

    assert {point.partition(".")[0] for point in points()} >= {"publish", "prune", "load", "info"}
    with pytest.raises(KeyError):
        faults.hit("publish.misspelt")


def test_fault_points_are_declared_where_the_enumeration_looks() -> None:
    declaring = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ganzoo").rglob("*.py")
        if "faults.declare(" in path.read_text(encoding="utf-8")
    }
    assert declaring
    assert all(name.startswith("ganzoo/runs/") for name in declaring)
