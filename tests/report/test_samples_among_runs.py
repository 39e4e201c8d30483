"""Samples that no run made, in a leaderboard: those of other tools, and yardsticks."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganzoo.cli import main
from ganzoo.errors import UsageError
from ganzoo.report.compare import compare
from ganzoo.report.entries import list_run
from ganzoo.report.pages.comparison import comparison_page
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import keep_score, kind_of

Keep = Callable[..., RunDirectory]


@pytest.fixture
def keep(runs: Path, score: Any) -> Keep:
    def keep(name: str, value: float, seed: int = 0, **about: Any) -> RunDirectory:
        made = replace(score(value), sampling=None, metrics=about.pop("metrics", {}))
        made = replace(made, protocol=about.pop("protocol", made.protocol))
        return keep_score(made, name, runs, seed=seed, **about)

    return keep


def test_samples_of_another_tool_have_a_rank_and_are_marked(keep, make_run, score) -> None:
    make_run("a", score(3.0))
    keep("theirs", 2.0)
    comparison = compare()
    assert [(row.rank, row.name) for row in comparison.ranked] == [(1, "theirs"), (2, "a")]
    assert comparison.table().rows[0][4] == "n=1, samples"
    assert any(note.startswith("samples: made by another tool") for note in comparison.notes)


def test_a_yardstick_is_sorted_by_its_score_and_has_no_rank(keep, make_run, score) -> None:
    make_run("a", score(3.0))
    make_run("b", score(9.0), lr=1e-3)
    keep("memoriser", 0.5, yardstick=True)
    keep("noise", 5.0, yardstick=True)
    comparison = compare()
    assert [(row[0], row[1]) for row in comparison.table().rows] == [
        ("-", "memoriser"),
        ("1", "a"),
        ("-", "noise"),
        ("2", "b"),
    ]
    assert any("no trained model" in note for note in comparison.notes)
    first = json.loads(comparison.to_json())["ranked"][0]
    assert (first["kind"], first["rank"]) == ("yardstick", 0)


def test_the_best_row_is_a_model_and_never_a_yardstick(keep, make_run, score) -> None:
    for seed, value in enumerate([3.0, 3.4, 3.2]):
        make_run("a", score(value), seed=seed)
        make_run("b", score(value + 0.1), seed=seed, lr=1e-3)
        keep("memoriser", 0.5 + value / 100, seed, yardstick=True)
    memoriser, first, second = compare().ranked
    assert (memoriser.n, memoriser.p_value, first.p_value) == (3, None, None)
    assert second.is_close


def test_samples_without_sampling_and_recipe_fit_into_every_table(keep, make_run, score) -> None:
    make_run("a", score(3.0, step=100))
    make_run("b", score(4.0, step=200), lr=1e-3)
    keep("theirs", 2.0)
    comparison = compare(only_changed=True, sort="step")
    assert [row.name for row in comparison.ranked] == ["a", "b", "theirs"]
    table = comparison.table()
    column = list(table.columns).index("step")
    assert [row[column] for row in table.rows] == ["100", "200", "-"]
    assert [row.name for row in compare(where=["optimizers.generator.lr=1e-3"]).ranked] == [
        "theirs",
        "b",
    ]


def test_samples_do_not_count_as_a_recipe_that_differs(keep, make_run, score) -> None:
    make_run("a", score(3.0))
    make_run("b", score(4.0), lr=1e-3)
    columns = compare(only_changed=True).table().columns
    keep("theirs", 2.0)
    keep("a", 5.0)
    comparison = compare(only_changed=True)
    assert comparison.table().columns == columns
    assert [(row.name, row.recipe["optimizers.generator.lr"]) for row in comparison.ranked] == [
        ("theirs", "-"),
        ("a", "0.0002"),
        ("b", "0.001"),
        ("a", "-"),
    ]


def test_samples_scored_under_another_protocol_get_a_command_to_join(
    keep, make_run, score, protocol
) -> None:
    first = make_run("a", score(3.0))
    make_run("b", score(4.0), lr=1e-3)
    keep("theirs", 2.0, protocol=replace(protocol, n_fake=100))
    (other,) = compare().unranked
    assert other.command == f"ganzoo score SAMPLES --like {first.name} --name theirs"


def test_the_last_run_is_never_a_score_of_samples(keep, make_run, score, runs: Path) -> None:
    run = make_run("a", score(3.0))
    kept = keep("theirs", 2.0)
    assert RunDirectory.find("last", runs).name == run.name
    assert RunDirectory.find("theirs", runs).name == kept.name
    assert [each.score.value for each in map(list_run, RunDirectory.all(runs)) if each.score] == [
        3.0,
        2.0,
    ]


def test_commands_that_need_a_run_refuse_samples(keep, capsys: pytest.CaptureFixture[str]) -> None:
    keep("theirs", 2.0)
    for verb in ("sample", "score", "export", "resume"):
        assert main([verb, "theirs"]) == 2
        assert "is the score of external samples, not a run" in capsys.readouterr().err


def test_the_page_shows_a_picture_of_the_samples_and_the_real_ones_of_a_run(
    keep, make_run, score
) -> None:
    kept = keep("memoriser", 0.5, yardstick=True, description="training images")
    run = make_run("a", score(3.0))
    for directory, name in ((kept, "samples"), (run, "real"), (run, "step-00000100")):
        directory.samples_directory.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(directory.samples_directory / f"{name}.png")
    page = comparison_page(compare())
    places = [page.index(f'alt="{w}') for w in ("real samples", "memoriser, seed 0", "a, seed 0")]
    assert places == sorted(places)
    assert "<li>memoriser: training images</li>" in page
    assert '<tr class="yardstick">' in page


def test_a_record_of_samples_without_a_kind_is_refused(keep, make_run, score) -> None:
    make_run("a", score(3.0))
    kept = keep("theirs", 2.0)
    kept.write_info(samples={"kind": "best of all"})
    with pytest.raises(ValueError, match="best of all"):
        kind_of(kept.info())
    assert [each.run for each in compare().unranked] == [kept.name]


def test_names_of_samples_follow_the_rules_for_runs(score, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a valid run name"):
        keep_score(score(1.0), "a/b", tmp_path)
