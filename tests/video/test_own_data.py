"""Clips of the user's own, from `new recipe --data` to new clips in the same form."""

from pathlib import Path

import pytest
import yaml
from ganzoo_video.datasets.moving import MovingShapes
from PIL import Image

from ganzoo.cli import main


def write_clips(folder: Path) -> None:
    """Write ten gif, ten webp and two folders of frames, of mixed lengths and sizes."""
    for number, clip in enumerate(
        MovingShapes("train", length=22, size=16, frames=20).tensors()[0]
    ):
        frames = [Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in clip]
        frames = [frame.resize((20 + number, 18)) for frame in frames[: 9 + number % 11]]
        place = folder / "ab"[number % 2] / f"{number:02d}"
        if number < 20:
            place.parent.mkdir(parents=True, exist_ok=True)
            suffix = ".gif" if number < 10 else ".webp"
            frames[0].save(
                place.with_suffix(suffix), save_all=True, append_images=frames[1:], duration=50
            )
        else:
            place.mkdir()
            for time, frame in enumerate(frames):
                frame.save(place / f"{time}.png")


@pytest.mark.slow
def test_a_folder_of_clips_becomes_new_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "clips")
    monkeypatch.chdir(tmp_path)
    assert main(["new", "recipe", "mine", "--data", "clips", "--as", "video/clips"]) == 0
    text = (tmp_path / "mine.yaml").read_text()
    assert text.startswith("# 22 clips of 9 to 19 frames, 30 samples of 8 frames.")
    settings = yaml.safe_load(text)["dataset"]
    assert (settings["frames"], settings["size"], settings["channels"]) == (8, 32, 3)

    assert main(["check", "mine", "--data"]) == 0
    assert "frames at the end of" in capsys.readouterr().err
    small = ["dataset.size=16", "generator.width=4", "discriminator.width=4", "train.steps=3"]
    few = ["eval.samples=8", "eval.metrics=[]", "train.batch_size=4", "dataset.holdout=0"]
    assert main(["run", "mine", *small, *few]) == 0
    for name in ("new.gif", "new.webp"):
        assert main(["sample", "last", "--count", "4", "--out", name]) == 0
        with Image.open(name) as animation:
            assert animation.n_frames == 8
    assert main(["sample", "last", "--count", "3", "--out", "folder/"]) == 0
    files = sorted((tmp_path / "folder").iterdir())
    assert [file.suffix for file in files] == [".webp"] * 3
    with Image.open(files[0]) as animation:
        assert (animation.size, animation.n_frames) == ((16, 16), 8)


@pytest.mark.slow
def test_a_folder_of_one_suffix_needs_no_name_of_the_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clips(tmp_path / "clips")
    for file in [*tmp_path.rglob("*.webp"), *tmp_path.rglob("*.png")]:
        file.unlink()
    monkeypatch.chdir(tmp_path)
    assert main(["new", "recipe", "mine", "--data", "clips", "--size", "16"]) == 0
    recipe = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    assert (recipe["dataset"]["use"], recipe["dataset"]["size"]) == ("video/clips", 16)


def test_films_are_named_with_what_makes_animations_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"film")
    monkeypatch.chdir(tmp_path)
    assert main(["new", "recipe", "mine", "--data", "a.mp4"]) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert message == "no data set that is installed reads .mp4 files"
    assert hint.startswith("try: ffmpeg -i ")
