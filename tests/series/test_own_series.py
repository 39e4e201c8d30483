"""A csv of somebody's own series, from `new recipe --data` to new windows, scored and resumed."""

import math
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from ganzoo.cli import main

pytestmark = pytest.mark.slow

SMALL = ["train.steps=6", "eval.samples=64", "eval.every_steps=6", "eval.metrics=[table/marginals]"]
SMALL += ["generator.width=8", "discriminator.width=8"]


def write_sensors(path: Path) -> None:
    """Write two rooms' measurements every ten minutes, with a gap, a missing value and notes."""
    with path.open("w", encoding="utf-8") as file:
        file.write("time;room;temperature;visitors;note\n")
        for step in range(300):
            time = datetime(2024, 1, 1) + timedelta(minutes=10 * step + 600 * (step >= 120))
            for number, room in enumerate(("hall", "lab")):
                level = f"{20 + 3 * math.sin(step / 5 + number):.2f}" if step != 7 else ""
                count = int(5 + 4 * math.sin(step / 9))
                file.write(f"{time:%Y-%m-%d %H:%M:%S};{room};{level};{count};ok\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a working directory with the file, the recipe and a run called ``whole``."""
    folder = tmp_path_factory.mktemp("own")
    write_sensors(folder / "sensors.csv")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        words = ["new", "recipe", "mine", "--data", "sensors.csv", "--as", "table/windows"]
        assert main(words) == 0
        assert main(["run", "mine.yaml", "--name", "whole", *SMALL]) == 0
    return folder


def test_the_recipe_says_what_was_found_and_what_is_left_out(folder: Path) -> None:
    text = (folder / "mine.yaml").read_text()
    dataset = yaml.safe_load(text)["dataset"]
    assert dataset["time"] == "time"
    assert dataset["group"] == "room"
    assert dataset["columns"] == ["temperature", "visitors"]
    assert dataset["fill"] == "linear"
    for line in ("columns without numbers: note", "windows across 2 gaps in time"):
        assert f"# Left out: {line}." in text


def test_a_new_recipe_for_many_short_series_has_windows_that_fit_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{step},{room},{step % 7}" for step in range(120) for room in range(10)]
    (tmp_path / "rooms.csv").write_text("\n".join(["t,room,x", *rows, ""]))
    assert main(["new", "recipe", "mine", "--data", "rooms.csv", "--as", "table/windows"]) == 0
    dataset = yaml.safe_load((tmp_path / "mine.yaml").read_text())["dataset"]
    assert (dataset["group"], dataset["length"]) == ("room", 10)


def test_new_windows_have_the_channels_ranges_and_decimals_of_the_file_and_are_scored_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["sample", "whole", "--count", "70", "--out", "new.csv"]) == 0
    head, *rows = (folder / "new.csv").read_text().splitlines()
    assert head == "window;step;temperature;visitors"
    assert len(rows) == 70 * 24
    for row in rows:
        _, _, level, count = row.split(";")
        assert 17 <= float(level) <= 23
        assert len(level.partition(".")[2]) == 2
        assert 1 <= int(count) <= 8
    capsys.readouterr()
    assert main(["score", "new.csv", "--like", "whole"]) == 0
    said = "".join(capsys.readouterr())
    assert "the first 64 of 70 samples are scored" in said
    assert "FD(table/random-convolutions)" in said


def test_a_stopped_run_that_is_resumed_has_the_weights_of_one_that_was_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert main(["run", "mine.yaml", "--name", "half", *SMALL, "train.steps=3"]) == 0
    assert main(["resume", "half", "train.steps=6"]) == 0
    runs = folder / "runs"
    for name in ("generator", "discriminator", "ema"):
        whole, half = (
            next(runs.glob(f"{run}*/checkpoints/*6/{name}.safetensors")).read_bytes()
            for run in ("whole", "half")
        )
        assert whole == half


def test_a_run_is_exported_and_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert main(["export", "whole", "--out", "exported"]) == 0
    assert main(["report", "whole", "--out", "page.html"]) == 0
    page = (folder / "page.html").read_text()
    assert "temperature" in page
    assert "data:image" in page
