"""A txt of the user's own, from `new recipe --data` to new lines in the same form."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from ganzoo_text.characters import characters
from ganzoo_text.datasets.lines import Lines

from ganzoo.cli import main
from ganzoo.runs.directory import RunDirectory

THUMB, FAMILY = "\U0001f44d\U0001f3fd", "\U0001f468‍\U0001f469‍\U0001f467"
WORDS = ["good day", f"good night {THUMB}", "bye", f"{FAMILY} hello", "é ok"]
SMALL = [
    "train.steps=6",
    "train.batch_size=8",
    "train.discriminator_steps=1",
    "generator={use: text/residual, width: 8, blocks: 1}",
    "discriminator={use: text/residual, width: 8, blocks: 1}",
    "eval.samples=64",
    "eval.every_steps=6",
]


def write_lines(path: Path, count: int = 200) -> None:
    """Write a file with a byte order mark, Windows line ends, empty and long lines, emoji."""
    lines = [f"{WORDS[row % 5]} {'abcdef'[row % 6]}" for row in range(count)]
    lines[7], lines[90] = "", "a line that is much longer than all the others are " * 3
    path.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the working directory and the run."""
    folder = tmp_path_factory.mktemp("own")
    write_lines(folder / "mine.txt")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        assert main(["new", "recipe", "mine", "--data", "mine.txt"]) == 0
        assert main(["run", "mine", *SMALL]) == 0
    (run,) = (folder / "runs").glob("[!.]*")
    return folder, run


@pytest.mark.slow
def test_the_recipe_says_what_was_found_and_what_is_left_out(trained: tuple[Path, Path]) -> None:
    text = (trained[0] / "mine.yaml").read_text(encoding="utf-8")
    recipe = yaml.safe_load(text)
    longest = max(len(characters(f"{word} a")) for word in WORDS)
    assert recipe["dataset"]["length"] == longest
    assert recipe["dataset"]["unit"] == "characters"
    assert "# 199 lines, " in text
    assert "# Empty lines, which are left out: 1." in text
    assert "; longer lines: 1\n" in text


def test_the_field_of_a_jsonl_and_the_length_of_words_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long = [" ".join(["a sentence of several words"] * (3 + row % 3)) for row in range(20)]
    rows = [{"id": f"x{row}", "title": text, "n": row} for row, text in enumerate(long)]
    rows[0]["id"] = "x" * 400  # longer than the first title, and not than all
    Path("a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert main(["new", "recipe", "mine", "--data", "a.jsonl"]) == 0
    dataset = yaml.safe_load(Path("mine.yaml").read_text())["dataset"]
    assert dataset == {
        "use": "text/lines",
        "path": "a.jsonl",
        "unit": "words",
        "length": 25,
        "too_long": "leave-out",
        "holdout": 0.1,
        "field": "title",
    }


@pytest.mark.slow
def test_a_run_says_what_is_left_out(trained: tuple[Path, Path]) -> None:
    log = (trained[1] / "log.txt").read_text(encoding="utf-8")
    assert "left out: empty lines: 1, the first is " in log
    assert "left out: lines of more than " in log


@pytest.mark.slow
def test_the_report_says_what_is_left_out(trained: tuple[Path, Path], tmp_path: Path) -> None:
    assert main(["report", str(trained[1]), "--out", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<dt>left out of the data</dt><dd>empty lines: 1, the first is " in page
    assert "<dt>left out of the data</dt><dd>lines of more than " in page


@pytest.mark.slow
def test_check_names_what_is_left_out(
    trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(trained[0])
    assert main(["check", "mine.yaml", "--data"]) == 0
    said = "".join(capsys.readouterr())
    assert "left out: empty lines: 1, the first is " in said
    assert "mine.txt:8" in said
    assert "mine.txt:91" in said


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".txt", ".jsonl"])
def test_new_lines_are_of_the_files_own_characters_and_can_be_scored(
    trained: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    suffix: str,
) -> None:
    folder, run = trained
    monkeypatch.chdir(folder)
    new = f"new{suffix}"
    assert main(["sample", str(run), "--count", "64", "--out", new]) == 0
    lines = (folder / new).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    if suffix == ".jsonl":
        lines = [json.loads(line)["text"] for line in lines]
    known = {each for word in WORDS for each in characters(word)} | set("abcdef ")
    assert len(lines) == 64
    assert {each for line in lines for each in characters(line)} <= known
    capsys.readouterr()
    assert main(["score", new, "--like", str(run)]) == 0
    found = capsys.readouterr().out
    recorded = json.loads((run / "scores.jsonl").read_text().splitlines()[-1])
    assert f"{recorded['value']:.4f}" in found  # the samples of the run's own score


@pytest.mark.slow
def test_samples_need_no_data_and_previews_are_lines(
    trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, run = trained
    monkeypatch.chdir(tmp_path)
    data = folder / "mine.txt"
    hidden = data.rename(folder / "moved.txt")
    try:
        assert main(["sample", str(run), "--count", "4", "--out", "few.txt"]) == 0
    finally:
        hidden.rename(data)
    assert len((tmp_path / "few.txt").read_text(encoding="utf-8").split("\n")) == 5
    (real,) = (run / "samples").glob("real*.txt")
    assert set(real.read_text(encoding="utf-8").split("\n")) <= {
        "",
        *(f"{word} {letter}" for word in WORDS for letter in "abcdef"),
    }
    assert main(["report", str(run), "--out", "page.html"]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "good day a" in page


@pytest.mark.slow
def test_a_wrong_line_of_a_sample_file_is_named(
    trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(trained[0])
    Path("odd.txt").write_text("good\nwhy?\n", encoding="utf-8")
    assert main(["score", "odd.txt", "--like", str(trained[1])]) == 4
    message, hint = capsys.readouterr().err.splitlines()
    assert "odd.txt:2  'w' is not in the vocabulary" in message
    assert hint.startswith("try: ")


@pytest.mark.slow
def test_a_resumed_run_is_the_same_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = [
        "dataset.length=200",
        "generator.width=8",
        "generator.sampling=categorical",
        "discriminator={use: text/lstm, width: 8}",
        "loss=text/reinforce",
        "train.batch_size=8",
        "eval.extractor=null",
        "eval.metrics=[]",
        "train.discriminator_steps=1",
    ]
    assert main(["run", "grammar-mle", *small, "train.steps=6", "--runs-dir", "whole"]) == 0
    assert main(["run", "grammar-mle", *small, "train.steps=3", "--runs-dir", "parts"]) == 0
    (first,) = Path("parts").glob("[!.]*")
    assert main(["resume", str(first), "train.steps=6"]) == 0
    whole, parts = (weights(Path(name)) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    (run,) = folder.glob("[!.]*")
    found = {}
    for file in sorted(RunDirectory(run).path.rglob("*.safetensors")):
        if "6" in file.parent.name:
            found |= {f"{file.name} {name}": each for name, each in load_file(file).items()}
    assert found
    return found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([f"line {number}" for number in range(5)], {"holdout": 0.3, "too_long": "leave-out"}),
        ([f"line {number}" for number in range(50)], {"holdout": 0.1, "too_long": "leave-out"}),
        ([f"{number} " + "word " * 70 for number in range(30)], {"length": 64, "too_long": "cut"}),
    ],
)
def test_a_recipe_for_few_or_long_lines_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], expected: dict
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("\n".join(lines))
    assert main(["new", "recipe", "mine", "--data", "mine.txt"]) == 0
    settings = yaml.safe_load(Path("mine.yaml").read_text())["dataset"]
    assert expected.items() <= settings.items()
    parameters = {name: settings[name] for name in ("unit", "length", "too_long", "holdout")}
    for split in ("train", "test"):
        assert len(Lines(split, path=Path("mine.txt"), **parameters)) >= 2


def test_too_few_lines_for_scores_are_refused_before_a_recipe_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("same\n" * 50)
    assert main(["new", "recipe", "mine", "--data", "mine.txt"]) == 4
    assert "mine.txt has 1 different line: " in capsys.readouterr().err
    assert not Path("mine.yaml").exists()


def test_new_lines_of_a_folder_of_jsonl_are_jsonl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        Path("texts").mkdir(exist_ok=True)
        rows = [json.dumps({"text": f"{name}\n{number}"}) for number in range(9)]
        Path(f"texts/{name}.jsonl").write_text("\n".join(rows))
    assert main(["new", "recipe", "mine", "--data", "texts"]) == 0
    assert "--out new.jsonl" in Path("mine.yaml").read_text()


def test_texts_in_folders_that_are_links_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("else").mkdir()
    Path("else/a.txt").write_text("\n".join(f"line {number}" for number in range(9)))
    Path("texts").mkdir()
    Path("texts/more").symlink_to(tmp_path / "else")
    Path("texts/again").symlink_to(tmp_path / "texts")
    assert main(["new", "recipe", "mine", "--data", "texts"]) == 0
    assert "# 9 lines, 9 different ones." in Path("mine.yaml").read_text()
