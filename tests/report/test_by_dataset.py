"""One leaderboard per data set."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ganzoo.cli import main
from ganzoo.report.compare import compare, compare_by_dataset
from ganzoo.report.pages.comparison import comparison_page
from ganzoo.runs.score import Protocol

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def shapes(protocol: Protocol) -> Protocol:
    return replace(protocol, reference="zoo/shapes", reference_sha256="c" * 64)


@pytest.fixture
def two(runs: Path, make_run: Any, score: Any, shapes: Protocol) -> None:
    """Three runs on shapes and two on digits."""
    for index, value in enumerate([3.0, 1.0, 2.0]):
        make_run(f"s{index}", score(value, "final", shapes), lr=float(index))
    for index, value in enumerate([5.0, 4.0]):
        make_run(f"d{index}", score(value), lr=10.0 + index)


def test_each_data_set_has_its_own_leaderboard_and_the_one_with_most_runs_is_first(
    two: None,
) -> None:
    found = compare_by_dataset()
    assert [[row.name for row in each.ranked] for each in found] == [
        ["s1", "s2", "s0"],
        ["d1", "d0"],
    ]
    assert [each.unranked for each in found] == [(), ()]


def test_each_leaderboard_equals_that_of_its_data_set_alone(two: None) -> None:
    alone = [compare(dataset=name).to_table() for name in ("shapes", "digits")]
    assert [each.to_table() for each in compare_by_dataset()] == alone


def test_a_run_without_a_partner_is_listed_as_not_ranked(
    two: None, make_run: Any, score: Any, protocol: Protocol
) -> None:
    points = replace(protocol, reference="zoo/gaussians")
    lost = [
        make_run("g", score(1.0, "final", replace(points, n_fake=n)), lr=float(n)).name
        for n in (10, 20)
    ]
    unscored = make_run("broken", score(1.0))
    unscored.info_file.write_text("{")
    first, second, third = compare_by_dataset()
    assert [each.run for each in first.unranked] == [unscored.name]
    assert second.unranked == ()
    (row,), (other,) = third.ranked, third.unranked
    assert sorted([*row.runs, other.run]) == sorted(lost)
    assert "another protocol, FD(toy-cnn) " in other.reason


def test_one_data_set_gives_one_leaderboard(runs: Path, make_run: Any, score: Any) -> None:
    make_run("a", score(1.0))
    (only,) = compare_by_dataset()
    assert only.to_json() == compare().to_json()


def test_the_command_prints_one_leaderboard_after_the_other(two: None, capsys: Capture) -> None:
    assert main(["compare", "--by-dataset"]) == 0
    first, second = compare_by_dataset()
    assert capsys.readouterr().out == f"{first.to_table()}\n\n{second.to_table()}\n"
    assert main(["compare", "--by-dataset", "--json"]) == 0
    assert [len(each["ranked"]) for each in json.loads(capsys.readouterr().out)] == [3, 2]


def test_the_page_is_written_even_if_the_reader_of_the_table_has_gone(
    two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed_pipe(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("ganzoo.cli.compare._print", closed_pipe)
    assert main(["compare", "--by-dataset", "--html", "board.html"]) != 0
    assert Path("board.html").is_file()


def test_csv_of_two_leaderboards_is_refused(two: None, capsys: Capture) -> None:
    assert main(["compare", "--by-dataset", "--format", "csv"]) == 2
    assert "try: ganzoo compare --format csv --dataset shapes" in capsys.readouterr().err
    assert main(["compare", "--by-dataset", "--dataset", "digits"]) == 2


def test_each_leaderboard_of_a_page_has_its_own_ids(two: None) -> None:
    page = comparison_page(*compare_by_dataset())
    for name in ("ranked", "filter", "protocol"):
        assert page.count(f'id="{name}"') == page.count(f'id="{name}-2"') == 1
    assert 'data-filters="ranked-2"' in page
    assert page.index("shapes/train") < page.index('id="board-2"') < page.rindex("digits/train")


def test_sorting_affects_only_the_leaderboards_that_have_the_column(
    two: None, make_run: Any, score: Any, capsys: Capture
) -> None:
    for index, recall in enumerate([0.1, 0.9, 0.5]):
        make_run(f"r{index}", score(9.0 + index, metrics={"recall": recall}), lr=20.0 + index)
    found = compare_by_dataset(sort="-recall")
    assert [[row.name for row in each.ranked] for each in found] == [
        ["r1", "r2", "r0", "d1", "d0"],
        ["s1", "s2", "s0"],
    ]
    assert main(["compare", "--by-dataset", "--sort", "recal"]) == 2
    assert "try: --sort recall" in capsys.readouterr().err


def test_for_another_data_set_the_reason_names_only_that(two: None) -> None:
    reasons = {each.reason for each in compare().unranked}
    assert reasons == {"another data set, FD(toy-cnn) 599 · digits/train"}
