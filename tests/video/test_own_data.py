"""Clips of the user's own, from `new recipe --data` to new clips in the same form."""

import shutil
from pathlib import Path

import pytest
import yaml
from ganzoo_video.datasets.clips import Clips
from ganzoo_video.datasets.moving import MovingShapes
from ganzoo_zoo.datasets.shapes import Shapes
from PIL import Image

from ganzoo.api import OwnData
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
    assert main(["new", "recipe", "mine", "--data", "clips"]) == 0
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


def write_frames(folder: Path, clips: int, frames: int) -> None:
    for number, clip in enumerate(MovingShapes("train", length=clips, size=32).tensors()[0]):
        (folder / f"{number:02d}").mkdir(parents=True)
        for time, frame in enumerate(clip[:frames]):
            picture = Image.fromarray(frame.permute(1, 2, 0).numpy())
            picture.save(folder / f"{number:02d}" / f"{time:03d}.png")


def test_folders_of_frames_are_recognised_as_clips(tmp_path: Path) -> None:
    write_frames(tmp_path, clips=12, frames=4)
    assert Clips.recognises(tmp_path)


def test_one_folder_of_frames_among_many_animations_hides_no_clips(tmp_path: Path) -> None:
    write_clips(tmp_path)
    shutil.rmtree(tmp_path / "a" / "20")
    assert Clips.recognises(tmp_path)


def test_numbered_pictures_of_classes_are_no_clips(tmp_path: Path) -> None:
    pictures = Shapes("train", length=60, size=32)
    for index in range(60):
        picture, label = pictures[index]
        place = tmp_path / f"class{label}" / f"{index // 10:03d}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(place)
    assert not Clips.recognises(tmp_path)


def test_a_few_animations_among_pictures_are_pictures(tmp_path: Path) -> None:
    write_clips(tmp_path / "clips")
    animations = sorted(tmp_path.rglob("*.gif"))
    (tmp_path / "mixed").mkdir()
    for number in range(8):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(tmp_path / "mixed" / f"{number}.png")
    for file in animations[:3]:
        file.rename(tmp_path / "mixed" / file.name)
    assert not Clips.recognises(tmp_path / "mixed")


def test_nothing_that_can_be_read_is_no_folder_of_clips(tmp_path: Path) -> None:
    assert not Clips.recognises(tmp_path)
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    assert not Clips.recognises(tmp_path)


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


def test_a_still_and_a_damaged_animation_among_others_are_no_reason_to_read_pictures(
    tmp_path: Path,
) -> None:
    write_clips(tmp_path)
    for file in (*tmp_path.rglob("*.webp"), *tmp_path.rglob("*.png")):
        file.unlink()
    Image.new("RGB", (16, 16)).save(tmp_path / "a" / "000.gif")
    assert Clips.recognises(tmp_path)
    (tmp_path / "a" / "001.gif").write_bytes(b"GIF89a")
    assert Clips.recognises(tmp_path)


def made_of(folder: Path) -> dict:
    made = Clips.new_recipe(OwnData(folder, str(folder), None, str))
    return yaml.safe_load(made.body)


@pytest.mark.parametrize("clips", [2, 3, 4, 12])
def test_both_splits_of_a_recipe_for_few_clips_can_be_scored(tmp_path: Path, clips: int) -> None:
    write_frames(tmp_path, clips=clips, frames=9)
    recipe = made_of(tmp_path)
    settings = {name: recipe["dataset"].get(name, 0.0) for name in ("frames", "holdout")}
    assert len(Clips("train", path=tmp_path, **settings)) > 1
    assert ("metrics" in recipe["eval"]) == ("holdout" in recipe["dataset"])
    if settings["holdout"]:
        assert len(Clips("test", path=tmp_path, **settings)) > 1
    assert clips < 12 or settings["holdout"]


def test_one_sample_is_not_scored(tmp_path: Path) -> None:
    write_frames(tmp_path, clips=1, frames=4)
    assert made_of(tmp_path)["eval"] == {"extractor": None}


def test_no_share_is_held_out_of_clips_with_splits_of_their_own(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_frames(tmp_path / split, clips=3, frames=4)
    recipe = made_of(tmp_path)
    assert "holdout" not in recipe["dataset"]
    assert recipe["eval"]["metrics"] == ["video/frechet"]
    assert len(Clips("test", path=tmp_path, frames=recipe["dataset"]["frames"])) == 3


def test_clips_beside_the_folders_of_the_splits_are_named(tmp_path: Path) -> None:
    for folder in ("train", "val", "raw"):
        write_frames(tmp_path / folder, clips=1, frames=4)
    data = Clips("train", path=tmp_path, size=16, frames=4)
    assert len(data) == 1
    assert any("in neither train/ nor val/: raw/" in line for line in data.skipped)
