"""The expected score of real samples below a table, and the error of a single seed."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ganzoo.report.compare import compare
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Score, Statistics

STATISTICS = Statistics(
    mean_term=1.25, covariance_term=10.5, expected_real=5.812, standard_error=0.2345, debiased=6.5
)


def test_notes_have_the_expected_score_of_real_samples_and_a_single_seed_its_error(
    make_run: Callable[..., RunDirectory], score: Callable[..., Score], tmp_path: Path
) -> None:
    make_run("a", replace(score(11.75), statistics=STATISTICS))
    make_run("b", replace(score(12.75), statistics=STATISTICS), lr=1e-3)
    make_run("b", replace(score(12.25), statistics=STATISTICS), lr=1e-3, seed=1)
    found = compare(runs_directory=tmp_path / "runs")
    assert found.header.endswith("lower is better")
    text = found.to_table()
    assert "n=1, SE 0.234" in text or "n=1, SE 0.235" in text
    assert text.count("SE 0.23") == 1
    assert "5.81: expected score of new real samples if" in text
    best = RunDirectory(tmp_path / "runs" / found.ranked[0].runs[0])
    (line,) = (each for each in text.splitlines() if "held-out.npz" in each)
    command = line.rpartition(": ")[2]
    like = f"--like {shlex.quote(str(best.path))}"
    assert command == f"ganzoo score held-out.npz {like} --name real --yardstick"
    written = json.loads(found.to_json())
    assert written["expected_real"] == 5.812
    assert [row["standard_errors"] for row in written["ranked"]] == [[0.2345], [0.2345, 0.2345]]


def test_records_without_statistics_can_be_compared(
    make_run: Callable[..., RunDirectory], score: Callable[..., Score], tmp_path: Path
) -> None:
    make_run("a", score(11.75))
    found = compare(runs_directory=tmp_path / "runs")
    assert "expected score" not in found.to_table()
    assert "SE" not in found.to_table()
    assert json.loads(found.to_json())["expected_real"] is None
