"""The pages in headless Chromium: sorted, filtered, pointed at, steered by keys, photographed."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganzoo.report.compare import compare, compare_by_dataset
from ganzoo.report.pages.comparison import comparison_page
from ganzoo.report.pages.run import run_page
from ganzoo.runs.directory import RunDirectory

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: pages not opened"),
]


def browse(page: Path, *options: str) -> str:
    """Open a page and return what Chromium writes."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command = [str(CHROMIUM), *flags, f"--user-data-dir={page.parent / 'profile'}", *options]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def ask(page: Path, script: str) -> Any:
    """Run a function body in a page and return what it returns."""
    asking = page.with_name("asking.html")
    answer = (
        f"document.body.textContent = 'ANSWER' + JSON.stringify((() => {{{script}}})()) + 'END'"
    )
    asking.write_text(page.read_text() + f"<script>{answer}</script>")
    found = re.search("ANSWER(.*)END", unescape(browse(asking, "--dump-dom")))
    assert found
    return json.loads(found[1])


@pytest.fixture
def board(runs: Path, make_run: Callable[..., RunDirectory], score: Any, tmp_path: Path) -> Path:
    """Write the page of three experiments, whose means are 3, 12 and 200."""
    for name, values, lr in (
        ("a", (2.0, 4.0), 1e-3),
        ("b", (11.0, 13.0), 2e-3),
        ("c", (200.0,), 3e-3),
    ):
        for seed, value in enumerate(values):
            course = [
                score(value * 9 / step, "during", step=step, samples_seen=step * 64)
                for step in (1, 2, 3)
            ]
            run = make_run(name, *course, score(value), seed=seed, lr=lr)
            run.samples_directory.mkdir()
            for picture in ("real", "step-00000050", "step-00000100"):
                Image.new("L", (64, 64), 128).save(run.samples_directory / f"{picture}.png")
    page = tmp_path / "board.html"
    page.write_text(comparison_page(compare()))
    (tmp_path / "run.html").write_text(run_page(RunDirectory.find("a-s0", runs)))
    return page


NAMES = (
    "[...document.querySelectorAll('#ranked tbody tr:not([hidden]) td:nth-child(2)')]"
    ".map((cell) => cell.textContent)"
)


def test_a_click_on_a_heading_sorts_by_number_and_a_second_one_turns_it_round(board: Path) -> None:
    script = f"""
        const headings = [...document.querySelectorAll("#ranked th")];
        const distance = headings.find((h) => h.textContent.includes("↓"));
        distance.querySelector("button").click();
        const up = {NAMES};
        distance.querySelector("button").click();
        return [up, {NAMES}, distance.getAttribute("aria-sort")];
    """
    assert ask(board, script) == [["a", "b", "c"], ["c", "b", "a"], "descending"]


def test_a_word_in_the_filter_hides_the_other_rows_and_they_are_counted(board: Path) -> None:
    script = f"""
        const input = document.getElementById("filter");
        const type = (text) => {{ input.value = text; input.dispatchEvent(new Event("input")); }};
        type("n=1");
        const found = [{NAMES}, document.getElementById("shown").textContent];
        type("");
        return [...found, {NAMES}.length];
    """
    assert ask(board, script) == [["c"], "1 of 3", 3]


def test_the_filter_of_one_of_two_rankings_leaves_the_other_alone(
    runs: Path, make_run: Any, score: Any, protocol: Any, tmp_path: Path
) -> None:
    shapes = replace(protocol, reference="zoo/shapes", reference_sha256="c" * 64)
    for lr, name in enumerate(("a", "b")):
        make_run(f"d{name}", score(3.0), lr=float(lr))
        make_run(f"s{name}", score(3.0, "final", shapes), lr=float(lr + 2))
    page = tmp_path / "boards.html"
    page.write_text(comparison_page(*compare_by_dataset()))
    script = """
        const input = document.getElementById("filter-2");
        input.value = "sa";
        input.dispatchEvent(new Event("input"));
        const left = (id) => document.querySelectorAll(`#${id} tbody tr:not([hidden])`).length;
        return [left("ranked"), left("ranked-2"), document.getElementById("shown-2").textContent];
    """
    assert ask(page, script) == [2, 1, "1 of 2"]


def test_pointing_at_a_chart_reads_out_its_values(board: Path) -> None:
    script = """
        const figure = document.querySelector("figure.drawing");
        const svg = figure.querySelector("svg");
        const box = svg.getBoundingClientRect();
        const point = { clientX: box.right - 5, clientY: box.top + 50, bubbles: true };
        svg.dispatchEvent(new PointerEvent("pointermove", point));
        return figure.querySelector(".readout").textContent;
    """
    words = ask(board, script)
    assert words.startswith("6400: ")
    assert "a: 3 ± 1.414" in words
    assert "c: 200" in words


def test_a_chart_can_be_read_and_its_lines_switched_off_by_keys_alone(board: Path) -> None:
    script = """
        const figure = document.querySelector("figure.drawing");
        const svg = figure.querySelector("svg");
        const key = (name) => svg.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
        const readout = figure.querySelector(".readout");
        key("ArrowRight");
        const first = readout.textContent;
        key("ArrowRight");
        const second = readout.textContent;
        figure.querySelector(".legend button").click();
        key("ArrowLeft");
        return [svg.tabIndex, first, second, readout.textContent];
    """
    index, first, second, without_a = ask(board, script)
    assert index == 0
    assert first.startswith("64: a: 27 ± 12.73")
    assert second.startswith("128: ")
    assert without_a.startswith("64: b: ")


def test_the_slider_shows_the_samples_of_its_step(board: Path) -> None:
    script = """
        const figure = document.querySelector("figure.course");
        const slider = figure.querySelector("input");
        slider.value = "0";
        slider.dispatchEvent(new Event("input"));
        const shown = [...figure.querySelectorAll("img")].filter((image) => image.offsetParent);
        return [shown.map((image) => image.alt), figure.querySelector("figcaption").textContent];
    """
    assert ask(board.with_name("run.html"), script) == [["step 50"], "step 50"]


def test_everything_that_can_be_worked_has_a_name(board: Path) -> None:
    script = """
        const named = (e) => e.textContent.trim() || e.getAttribute("aria-label")
            || (e.labels && e.labels.length) || e.alt;
        const worked = [...document.querySelectorAll("button, input, svg, img")];
        return worked.filter((e) => !named(e)).length;
    """
    assert ask(board, script) == 0
    assert ask(board.with_name("run.html"), script) == 0


@pytest.mark.parametrize("name", ["board.html", "run.html"])
def test_on_a_phone_nothing_but_wide_tables_is_wider_than_the_screen(
    board: Path, name: str
) -> None:
    script = """
        document.body.style.width = "390px";
        return [...document.querySelectorAll("main *")].filter((e) => !e.closest(".wide, pre, svg")
            && e.getBoundingClientRect().right > 391).map((e) => e.outerHTML.slice(0, 80));
    """
    assert ask(board.with_name(name), script) == []


@pytest.mark.parametrize(("width", "height"), [(1280, 1800), (390, 844)])
def test_a_screenshot_shows_more_than_an_empty_page(board: Path, width: int, height: int) -> None:
    frame = board.with_name("frame.html")
    frame.write_text(
        f"<body style='margin:0'><iframe src='{board.name}' style='border:0' "
        f"width={width} height={height}></iframe>"
    )
    picture = board.with_name("page.png")
    browse(frame, f"--screenshot={picture}", f"--window-size={max(width, 500)},{height}")
    with Image.open(picture) as image:
        colours = image.convert("RGB").crop((0, 0, width, height)).getcolors(1 << 24)
    assert colours is not None
    assert len(colours) > 20
