"""Runs on other data than images: their previews, samples and pages, and what a run keeps."""

import json
import re
import shutil
import wave
from pathlib import Path

import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.api import MODALITIES, SampleSpec
from ganzoo.cli import main
from ganzoo.errors import DataError
from ganzoo.modalities import modality
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.samples import last_preview, previews, read_sample_spec, write_sample_spec

PLUGINS = Path(__file__).parent / "plugins"
TONES = """
recipe: 1
name: tones
dataset: local/tones
generator: local/waves
discriminator: local/waves
loss: hinge
train: {steps: 4, batch_size: 16, sample_every_steps: 4}
eval: {every_steps: 4, samples: 32}
"""


def run_of(recipe: str, folder: Path, plugin: str) -> RunDirectory:
    """Train a recipe with a plugin file; return its directory."""
    (folder / "mine.yaml").write_text(recipe)
    words = ["run", str(folder / "mine.yaml"), "--plugin", str(PLUGINS / plugin)]
    assert main([*words, "--runs-dir", str(folder / "runs")]) == 0
    return RunDirectory.find("last", folder / "runs")


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run on sound that a plugin of one file brings."""
    return run_of(TONES, tmp_path_factory.mktemp("tones"), "tones.py")


def test_a_plugin_of_forty_lines_trains_on_sound(tones: RunDirectory) -> None:
    text = (PLUGINS / "tones.py").read_text().splitlines()
    code = [line for line in text if line and not re.match(r'from |import |"""', line)]
    assert len(code) <= 40
    assert tones.status() == "finished"
    assert [score.sampling.selected for score in tones.scores()] == ["during", "final", "best"]


def test_sound_is_heard_and_seen_in_the_gallery(tones: RunDirectory) -> None:
    names = {path.name for path in tones.samples_directory.iterdir()}
    for stem in ("real", "step-00000004"):
        assert {f"{stem}.png", *(f"{stem}-{index}.wav" for index in range(4))} <= names
        with Image.open(tones.samples_directory / f"{stem}.png") as image:
            assert image.width > 900
        with wave.open(str(tones.samples_directory / f"{stem}-0.wav")) as file:
            assert (file.getframerate(), file.getnframes()) == (8000, 2000)


def test_sound_is_sampled_into_wav_files(
    tones: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tones.path)
    assert main(["sample", run, "--count", "2"]) == 0
    assert capsys.readouterr().out.strip().endswith("sample-final-seed0-n2.wav")
    assert main(["sample", run, "--count", "2", "--out", str(tmp_path / "folder")]) == 0
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == [
        "000000.wav",
        "000001.wav",
    ]
    capsys.readouterr()
    assert main(["sample", run, "--out", str(tmp_path / "a.mp3")]) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert "audio samples are written as .wav, .npz, .png or a folder, not as .mp3" in message
    assert hint == f"try: --out {tmp_path / 'a.wav'}"


def test_sound_out_of_a_folder_is_scored_like_the_run(
    tones: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "folder")
    assert main(["sample", str(tones.path), "--count", "32", "--out", folder]) == 0
    capsys.readouterr()
    words = ["score", folder, "--like", str(tones.path), "--name", "mine", "--json"]
    assert main([*words, "--runs-dir", str(tmp_path / "runs")]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    assert value == pytest.approx(tones.scores()[-1].value, rel=0.01)
    (kept,) = RunDirectory.all(tmp_path / "runs")
    assert (kept.samples_directory / "samples-0.wav").exists()


def test_sound_is_played_on_the_pages(tones: RunDirectory, tmp_path: Path) -> None:
    run, folder = str(tones.path), str(tones.path.parent)
    assert main(["report", run, "--out", str(tmp_path / "run.html")]) == 0
    html = str(tmp_path / "compare.html")
    assert main(["compare", "--runs-dir", folder, "--html", html]) == 0
    for name in ("run.html", "compare.html"):
        assert (tmp_path / name).read_text().count("<audio controls") == 8


# --- every modality ------------------------------------------------------------------------------

ANYTHING = """
recipe: 1
name: anything
dataset: {{use: local/noise, modality: {}}}
generator: local/plain
discriminator: local/plain
loss: hinge
train: {{steps: 2, batch_size: 16, sample_every_steps: 2}}
eval: {{every_steps: 2, samples: 16}}
"""
EMBEDDED = {
    "image": ["<img"],
    "video": ["data:image/webp", "<img"],
    "audio": ["<img", "<audio controls"],
    "text": ['<pre class="text">'],
    "table": ["<img", "<td>"],
    "vector": ["<img"],
}


@pytest.mark.parametrize("name", MODALITIES)
def test_every_modality_is_trained_sampled_and_shown_without_an_option(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(ANYTHING.format(name), tmp_path, "anything.py")
    err = capsys.readouterr().err
    newest = last_preview(run)
    assert f"look   {newest[0]}" in err
    assert len(previews(run)["real"]) == len(newest)
    spec = ganzoo.load(run.path).spec
    assert spec == modality(name).specs()[0]

    assert main(["sample", str(run.path)]) == 0
    made = Path(capsys.readouterr().out.strip())
    assert made.name == f"sample-final-seed0-n64{spec.kind.formats(spec)[0]}"
    assert made.stat().st_size > 0
    assert main(["sample", str(run.path), "--interpolate", "3", "--count", "2"]) == 0

    page = tmp_path / "page.html"
    assert main(["report", str(run.path), "--out", str(page)]) == 0
    run_shown = page.read_text()
    assert main(["compare", "--runs-dir", str(run.path.parent), "--html", str(page)]) == 0
    for element in EMBEDDED[name]:
        assert element in run_shown
        assert element in page.read_text()


# --- what a run keeps of its samples -------------------------------------------------------------


def test_a_run_keeps_what_one_sample_is(tones: RunDirectory) -> None:
    spec = SampleSpec("audio", (1, 2000), 2, sample_rate=8000, class_names=("low", "high"))
    assert read_sample_spec(tones) == (spec, None)
    assert ganzoo.load(tones.path).spec == spec


def test_a_run_is_sampled_and_exported_when_its_data_is_gone(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    for index in range(40):
        pixels = torch.randint(256, (8, 8), generator=random, dtype=torch.uint8)
        picture = tmp_path / "photos" / "ab"[index % 4 > 0] / f"{index}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.numpy()).save(picture)
    overrides = {
        "dataset": {"use": "folder", "path": str(tmp_path / "photos"), "channels": 1},
        "conditional": True,
        "labels": "data",
        "train.steps": 2,
        "eval.extractor": None,
        "eval.metrics": [],
    }
    run = ganzoo.run("digits-dcgan-conditional", overrides, runs_directory=tmp_path / "runs")
    before, spec = run.sample(64), run.spec
    shutil.rmtree(tmp_path / "photos")
    again = ganzoo.load(run.path)
    assert again.spec == spec
    assert read_sample_spec(run.directory) == (spec, [10, 30])
    assert torch.equal(again.sample(64), before)
    assert [path.name for path in again.export()] == ["generator.safetensors", "generator.json"]
    about = json.loads((run.path / "export" / "generator.json").read_text())
    assert SampleSpec.from_json(about["spec"]) == spec


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"spec": {"modality": "image"}, "label_counts": null}',
        '{"spec": {"modality": "image", "shape": [1, 8, 8]}, "label_counts": [0]}',
        '{"spec": {"modality": "image", "shape": [1, 8, 8]}, "label_counts": "12"}',
        "[" * 100_000,
    ],
)
def test_a_damaged_sample_spec_is_named_in_one_line(content: str, tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path, "a", 0)
    assert read_sample_spec(directory) is None
    write_sample_spec(directory, SampleSpec("vector", (2,)), [1, 2])
    assert read_sample_spec(directory) == (SampleSpec("vector", (2,)), [1, 2])
    directory.sample_spec_file.write_text(content)
    with pytest.raises(DataError, match=r"sample_spec\.json is damaged: ") as caught:
        read_sample_spec(directory)
    assert "\n" not in str(caught.value)


def test_the_sample_spec_of_a_modality_that_is_not_installed_is_not_called_damaged(
    tmp_path: Path,
) -> None:
    directory = RunDirectory.create(tmp_path, "a", 0)
    content = '{"spec": {"modality": "nowhere/x", "shape": [1]}, "label_counts": null}'
    directory.sample_spec_file.write_text(content)
    said = r"sample_spec\.json: no modality 'nowhere/x': no plugin with"
    with pytest.raises(DataError, match=said) as caught:
        read_sample_spec(directory)
    assert "pip install the distribution that has 'nowhere'" in str(caught.value.hint)
