"""What a page holds, without a browser."""

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from ganzoo.cli.compare import compare as compare_command
from ganzoo.cli.report import report
from ganzoo.report.compare import compare
from ganzoo.report.pages.comparison import comparison_page
from ganzoo.report.pages.history import Scored, clock, evaluations, score_charts, term_charts
from ganzoo.report.pages.run import run_page
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import keep_score
from ganzoo.runs.records import append
from ganzoo.runs.samples import last_preview, previews
from ganzoo.runs.score import Statistics


class Reader(HTMLParser):
    """Collects tags, attributes that can reach out of the page, and the text of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.reaches: list[str] = []
        self.cells: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.reaches += [
            value for name, value in attrs if name in ("src", "href", "data", "action")
        ]
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.cells[-1] += data


@pytest.fixture
def finished(make_run: Callable[..., RunDirectory], score: Any) -> RunDirectory:
    """Return a run with samples, an evaluation on its way, and a final score."""
    during = score(9.0, "during", step=50, samples_seen=3200)
    run = make_run("hinge", during, score(3.0), score(3.0, "best"))
    run.samples_directory.mkdir()
    for name in ("real", "step-00000050", "step-00000100"):
        Image.new("L", (4, 4)).save(run.samples_directory / f"{name}.png")
    run.append_metrics({"step": 100, "samples_seen": 6400, "d/real": 0.5, "g/gradient_norm": 2.0})
    run.recipe_file.write_text("name: hinge  # <script>alert(1)</script>\n")
    return run


def test_a_page_reaches_for_nothing_outside_of_itself(runs: Path, finished: RunDirectory) -> None:
    for page in (run_page(finished), comparison_page(compare())):
        reaches = Reader(page).reaches
        assert reaches
        assert all(value.startswith("data:image/png;base64,") for value in reaches)
        assert "default-src 'none'" in page
        assert "@import" not in page
        assert "url(" not in page


def test_the_page_of_a_watched_run_shows_its_health_beside_real_data(
    finished: RunDirectory,
) -> None:
    assert "Diversity" not in run_page(finished)
    for step, distinct in ((50, 30.0), (100, 1.5)):
        row = {"step": step, "samples_seen": 64 * step, "distinct": distinct, "distinct_real": 42.0}
        append(finished.health_file, row | {"saturated": None, "saturated_real": None})
    page = run_page(finished)
    assert "effective number of distinct samples" in page
    assert "Saturation" not in page


def test_what_a_run_says_is_text_and_never_markup(finished: RunDirectory) -> None:
    page = run_page(finished)
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_of_a_run_has_every_score_and_each_sample(finished: RunDirectory) -> None:
    page = run_page(finished)
    assert Reader(page).cells[:5] == [
        "50",
        "3,200",
        "9.00",
        "during",
        "FD(toy-cnn) 599 · digits/train",
    ]
    for words in ("step 50", "step 100", "real samples", "Discriminator&#39;s terms", "finished"):
        assert words in page


def test_the_page_of_a_run_without_a_score_says_why(make_run: Any) -> None:
    failed = run_page(make_run("failed", events=("started", "failed")))
    assert "This run has no score: failed at step 100: the loss is not finite." in failed
    stopped = run_page(make_run("stopped", events=("started", "interrupted")))
    assert "This run has no score: interrupted at step 100." in stopped
    assert "<code>ganzoo resume " in stopped
    asked_for_none = run_page(make_run("unscored", extractor=None))
    assert "its recipe asks for no score" in asked_for_none
    assert "eval.extractor=auto" in asked_for_none


def test_scores_stand_on_pages_with_their_error_and_the_expected_score_of_real_samples(
    runs: Path, make_run: Any, score: Any
) -> None:
    known = Statistics(
        mean_term=2.0, covariance_term=1.0, expected_real=1.234, standard_error=0.456
    )
    run = make_run("known", replace(score(3.0), statistics=known))
    assert Reader(run_page(run)).cells[2] == "3.00 ± 0.46"
    assert "1.23: expected score of new real samples" in comparison_page(compare())


def test_the_page_of_kept_samples_shows_them_and_speaks_of_no_recipe(
    runs: Path, score: Any
) -> None:
    scored = replace(score(3.0), sampling=None)
    kept = keep_score(scored, "noise", runs, yardstick=True, description="uniform noise")
    kept.samples_directory.mkdir()
    Image.new("L", (4, 4)).save(kept.samples_directory / "samples.png")
    page = run_page(kept)
    for words in ("no trained model made them", "uniform noise", 'alt="the first ones"'):
        assert words in page
    for words in ("recipe.yaml", "The recipe", "latents", "<dd></dd>", 'type="range"'):
        assert words not in page


def test_the_page_of_a_comparison_has_its_rows_and_what_is_not_ranked(
    runs: Path, make_run: Any, score: Any, finished: RunDirectory
) -> None:
    make_run("other", score(4.0), lr=1e-3)
    stopped = make_run("stopped", score(4.0), events=("started",))
    page = comparison_page(compare())
    cells = Reader(page).cells
    assert cells[:4] == ["1", "hinge", "1", "3.00"]
    assert "0.0002" in cells
    assert "0.001" in cells
    assert stopped.name in page


def test_the_time_between_two_attempts_does_not_count() -> None:
    events = [
        {"attempt": 1, "time": "2026-01-01T10:00:00+00:00"},
        {"attempt": 1, "time": "2026-01-01T10:10:00+00:00"},
        {"attempt": 2, "time": "2026-01-02T10:00:00+00:00"},
        {"attempt": 2, "time": "2026-01-02T10:05:00+00:00"},
    ]
    minutes = clock(events)
    assert minutes("2026-01-01T10:04:00+00:00") == 4
    assert minutes("2026-01-02T10:02:00+00:00") == 12
    assert minutes("2026-01-02T10:25:00+00:00") == 35


def test_a_score_made_long_after_the_run_finished_adds_no_time() -> None:
    events = [
        {"attempt": 1, "time": "2026-01-01T10:00:00+00:00", "event": "started"},
        {"attempt": 1, "time": "2026-01-01T10:10:00+00:00", "event": "finished"},
    ]
    assert clock(events)("2026-01-03T10:00:00+00:00") == 10


def test_evaluations_are_of_one_protocol_and_in_order(
    make_run: Any, score: Any, protocol: Any
) -> None:
    scores = [score(5.0, "during", step=20), score(7.0, "during", step=10), score(4.0, "asked")]
    found = evaluations(make_run("x", *scores), scores, protocol.id)
    assert [each.value for each in found] == [7.0, 5.0]
    assert evaluations(make_run("x"), scores, "another") == []


def test_values_that_are_not_finite_are_left_out_of_the_curves(finished: RunDirectory) -> None:
    for step, real in ((150, float("nan")), (200, float("inf")), (250, -1e308), (300, 0.25)):
        finished.append_metrics({"step": step, "samples_seen": 64 * step, "d/real": real})
    assert "d/real: last 0.25" in run_page(finished)
    (chart,) = term_charts([{"step": 1, "d/real": 1.0, "g/fake": float("nan")}])
    assert chart.title == "Discriminator's terms"


def test_a_single_seed_has_bars_of_its_standard_error_and_several_of_their_spread() -> None:
    one, two = Scored(64, 1.0, 5.0, standard_error=0.5), Scored(64, 1.0, 7.0, standard_error=0.5)
    for seeds, spread in (([[one]], 0.5), ([[one], [two]], 2**0.5)):
        for chart in score_charts({"a": seeds}, "FD") or pytest.fail("no charts"):
            assert chart.series[0].points[0].spread == pytest.approx(spread)


def test_a_score_that_was_made_later_is_no_evaluation_of_the_run(
    make_run: Any, score: Any, protocol: Any
) -> None:
    scores = [score(5.0, "during"), score(4.5, "final"), score(4.0, "final")]
    (of_the_run,) = evaluations(make_run("x", *scores), scores, protocol.id)
    assert of_the_run.value == 5.0
    (of_the_end,) = evaluations(make_run("y", *scores[1:]), scores[1:], protocol.id)
    assert of_the_end.value == 4.5


def test_report_writes_into_the_run_unless_told_where(
    runs: Path, finished: RunDirectory, tmp_path: Path
) -> None:
    inside = CliRunner().invoke(report, ["last", "--runs-dir", str(runs)])
    outside = CliRunner().invoke(
        report, ["last", "--runs-dir", str(runs), "--out", str(tmp_path / "page.html")]
    )
    assert inside.stdout.strip() == str(runs / finished.name / "report.html")
    assert finished.name in (finished.path / "report.html").read_text()
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert outside.exit_code == 0


def test_compare_writes_its_page_and_prints_the_table_beside_it(
    runs: Path, finished: RunDirectory, tmp_path: Path
) -> None:
    page = tmp_path / "board.html"
    found = CliRunner().invoke(
        compare_command, ["--runs-dir", str(runs), "--html", str(page), "--json"]
    )
    assert json.loads(found.stdout)["ranked"][0]["name"] == "hinge"
    assert str(page) in found.stderr
    assert "Leaderboard" in page.read_text()


def test_a_page_embeds_sound_text_tables_and_animations(runs: Path, finished: RunDirectory) -> None:
    folder = finished.samples_directory
    for stem in ("real", "step-00000100"):
        (folder / f"{stem}-0.wav").write_bytes(b"RIFF")
        (folder / f"{stem}-lines.txt").write_text("<script>alert(2)</script>\n" * 500)
        (folder / f"{stem}-rows.csv").write_text('name,n\n"<b>",1\n' + "x,2\n" * 500)
        Image.new("L", (4, 4)).save(folder / f"{stem}-clip.webp")
    for page in (run_page(finished), comparison_page(compare())):
        read = Reader(page)
        assert all(value.startswith("data:") for value in read.reaches)
        assert page.count('<audio controls src="data:audio/wav;base64,UklGRg=="') == 2
        assert page.count('<img src="data:image/webp;base64,') == 2
        assert "media-src data:" in page
        assert "<script>alert(2)" not in page
        assert 500 > page.count("&lt;script&gt;alert(2)") > 2
        assert '<th scope="col">name</th>' in page
        assert "<td>&lt;b&gt;</td><td>1</td>" in page
        assert page.count("<td>x</td><td>2</td>") == 2 * 19


def test_a_preview_begins_with_its_main_file_and_leaves_out_what_no_page_can_show(
    finished: RunDirectory,
) -> None:
    for name in ("step-00000100-0.wav", "step-00000100.ply", "step-1.tmp", "sample-1.png"):
        (finished.samples_directory / name).write_bytes(b"")
    found = {stem: [path.name for path in paths] for stem, paths in previews(finished).items()}
    assert found == {
        "real": ["real.png"],
        "step-00000050": ["step-00000050.png"],
        "step-00000100": ["step-00000100.png", "step-00000100-0.wav"],
    }
    assert [path.name for path in last_preview(finished)] == found["step-00000100"]


def test_a_file_of_a_preview_that_is_damaged_is_left_out(finished: RunDirectory) -> None:
    (finished.samples_directory / "step-00000100.png").write_bytes(b"\x89PNG")
    (finished.samples_directory / "real-lines.txt").write_bytes(b"\xff")
    page = run_page(finished)
    assert "step 50" in page
    assert "step 100" not in page
    assert 'class="text"' not in page
