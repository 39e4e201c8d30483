"""The records of the leaderboard that come with the repository, and the page made of them.

They are written by `benchmarks/leaderboard.py --collect`; what they hold is checked here, and never
how good a score is, but that training helped at all.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.components.planner import load_recipe, make_plan
from ganzoo.recipes.load import shipped_recipes
from ganzoo.recipes.lock import experiment_id, is_current, read_lock
from ganzoo.registry.registry import Registry
from ganzoo.report.compare import compare_by_dataset
from ganzoo.report.leaderboard import Leaderboard
from ganzoo.report.pages.comparison import comparison_page
from ganzoo.report.rows import Row
from ganzoo.runs.directory import RunDirectory
from ganzoo.training.continuity import refuse_drift

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "recipes" / "records"
PAGE = ROOT / "docs" / "leaderboard.html"
SEEDS = (0, 1, 2)
EMOJI = "emoji/noto"
SHAPES = {"use": "zoo/shapes", "size": 16, "length": 5000}
"""Procedural RGB images."""
MEBIBYTE = 2**20
REGISTRY = Registry()


@pytest.fixture(scope="module")
def boards() -> tuple[Leaderboard, ...]:
    return compare_by_dataset(None, RECORDS)


@pytest.fixture(scope="module")
def locks() -> list[dict]:
    """Return the locks of all runs of seed 0."""
    runs = [run for run in RunDirectory.all(RECORDS) if run.info()["seed"] == 0]
    return [read_lock(run.lock_file) for run in runs if "samples" not in run.info()]


def rows(boards: tuple[Leaderboard, ...], kind: str) -> Iterator[tuple[str, Row]]:
    for board in boards:
        yield from ((board.protocol.reference, row) for row in board.ranked if row.kind == kind)


def test_every_record_is_ranked(boards) -> None:
    assert [each.reason for board in boards for each in board.unranked] == []
    ranked = {name for board in boards for row in board.ranked for name in row.runs}
    assert ranked == {run.name for run in RunDirectory.all(RECORDS)}


def test_sixteen_shipped_recipes_on_digits_and_six_on_emoji_have_three_seeds_each(boards) -> None:
    recipes = [row for _, row in rows(boards, "run")]
    assert sum(reference == "zoo/digits" for reference, _ in rows(boards, "run")) >= 16
    assert {row.name for row in recipes} <= set(shipped_recipes())
    assert sum(reference == EMOJI for reference, _ in rows(boards, "run")) >= 6
    assert {row.seeds for row in recipes} == {SEEDS}


def test_every_lock_is_of_the_revisions_that_are_here() -> None:
    for run in RunDirectory.all(RECORDS):
        if "samples" not in run.info():
            plan = make_plan(load_recipe(run.lock_file, (), REGISTRY), REGISTRY)
            refuse_drift(read_lock(run.lock_file), plan, "")
            assert experiment_id(plan.lock()) == run.info()["lock"]["experiment"]
            assert is_current(run.info()["lock"], run.lock_file)


def test_some_are_on_colour_images(locks) -> None:
    assert [lock for lock in locks if lock["dataset"] == SHAPES]


def test_there_are_three_losses_and_two_networks(locks) -> None:
    assert len({lock["loss"]["use"] for lock in locks}) >= 3
    assert len({lock["generator"]["use"] for lock in locks}) >= 2


@pytest.mark.parametrize(
    "kind", ["held-out", "untrained", "pixel-gaussian", "memoriser", "ten-images"]
)
def test_each_data_set_has_its_yardsticks_without_a_rank(boards, kind: str) -> None:
    for board in boards:
        if (board.protocol.reference, kind) == (EMOJI, "held-out"):
            continue  # 325 samples; the protocol asks for 1,314
        (row,) = (row for row in board.ranked if row.name.endswith(kind))
        seeds = (0,) if kind == "held-out" else SEEDS
        assert (row.kind, row.rank, row.seeds) == ("yardstick", 0, seeds)


def test_a_memoriser_has_the_best_distance_to_train_and_its_neighbours_expose_it(boards) -> None:
    for board in boards:
        (memoriser,) = (row for row in board.ranked if row.name.endswith("-memoriser"))
        if board.protocol.reference == EMOJI:  # compared with a quarter of the training images
            assert memoriser.metrics["nearer_to_train"] > 0.57
        else:
            assert memoriser.metrics["nearest_ratio"] < 0.1
            assert memoriser.metrics["nearer_to_train"] > 0.95
        for row in board.ranked:
            if row.kind == "run":
                assert row.metrics["nearest_ratio"] > 0.5, row.name
                assert row.mean > memoriser.mean


def test_ten_repeated_images_are_behind_every_model_in_coverage(boards) -> None:
    for board in boards:
        (ten,) = (row for row in board.ranked if row.name.endswith("-ten-images"))
        assert ten.metrics["coverage"] < 0.2
        for row in board.ranked:
            if row.kind == "run":
                assert row.metrics["coverage"] > 2 * ten.metrics["coverage"], row.name


def test_digits_that_are_copied_are_farther_from_the_hold_out(boards) -> None:
    """On shapes 5,000 training images stand for their law so well that the gap is within noise."""
    (board,) = (each for each in boards if each.protocol.reference == "zoo/digits")
    (memoriser,) = (row for row in board.ranked if row.name.endswith("-memoriser"))
    metrics = memoriser.metrics
    assert metrics["fd_holdout"] > metrics["fd_train"] + 1


def test_every_model_is_better_than_an_untrained_generator(boards) -> None:
    for board in boards:
        (untrained,) = (row for row in board.ranked if row.name.endswith("-untrained"))
        assert max(row.mean for row in board.ranked if row.kind == "run") < untrained.mean


def test_the_records_are_small_and_hold_no_weights() -> None:
    files = [path for path in RECORDS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3 * MEBIBYTE
    assert {path.suffix for path in files} <= {".json", ".jsonl", ".yaml", ".png", ".md"}


def test_the_records_name_no_place_and_no_machine() -> None:
    texts = [path for path in RECORDS.rglob("*") if path.suffix in (".json", ".jsonl", ".yaml")]
    assert texts
    for path in texts:
        words = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|tmp|work|mnt|usr)/|[A-Z]:\\\\", words), path
        assert not re.search(r'"(host|hostname|user|pid)"', words), path


def test_the_command_ranks_the_records_on_a_clean_clone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["compare", "--by-dataset", "--runs-dir", str(RECORDS)]) == 0
    out = capsys.readouterr().out
    assert "digits-dcgan-hinge" in out
    assert "shapes-dcgan-r1" in out


def test_the_page_of_the_repository_is_that_of_its_records(boards) -> None:
    def body(page: str) -> str:
        return page.partition("<main>")[2].partition("<footer>")[0]

    is_it = body(PAGE.read_text(encoding="utf-8")) == body(comparison_page(*boards))
    assert is_it, "try: python benchmarks/leaderboard_page.py"
    assert (ROOT / "docs" / "images" / "leaderboard.png").exists()
