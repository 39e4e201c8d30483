"""The floor in a leaderboard's header, and the standard error of a single seed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ganzoo.report.compare import compare
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Score, Statistics

STATISTICS = Statistics(
    mean_term=1.25, covariance_term=10.5, floor=5.812, standard_error=0.2345, debiased=6.5
)


def test_the_header_has_the_floor_and_a_single_seed_its_standard_error(
    make_run: Callable[..., RunDirectory], score: Callable[..., Score], tmp_path: Path
) -> None:
    make_run("a", replace(score(11.75), statistics=STATISTICS))
    make_run("b", replace(score(12.75), statistics=STATISTICS), lr=1e-3)
    make_run("b", replace(score(12.25), statistics=STATISTICS), lr=1e-3, seed=1)
    found = compare(runs_directory=tmp_path / "runs")
    assert found.header.endswith("lower is better   floor 5.81")
    text = found.to_table()
    assert "n=1, SE 0.234" in text or "n=1, SE 0.235" in text
    assert text.count("SE 0.23") == 1
    assert "floor: expected score of new real samples" in text
    written = json.loads(found.to_json())
    assert written["floor"] == 5.812
    assert [row["standard_errors"] for row in written["ranked"]] == [[0.2345], [0.2345, 0.2345]]


def test_records_without_statistics_can_be_compared(
    make_run: Callable[..., RunDirectory], score: Callable[..., Score], tmp_path: Path
) -> None:
    make_run("a", score(11.75))
    found = compare(runs_directory=tmp_path / "runs")
    assert "floor" not in found.to_table()
    assert "SE" not in found.to_table()
    assert json.loads(found.to_json())["floor"] is None
