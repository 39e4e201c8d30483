"""Which pictures a folder lists, how it splits and labels them."""

import os
from pathlib import Path

import pytest
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image

from ganzoo.errors import DataError

RED = (255, 0, 0)


def save(
    path: Path, colour: object = RED, size: tuple[int, int] = (8, 8), mode: str = "RGB"
) -> Path:
    """Write a plain picture of (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def test_pictures_are_listed_in_the_order_of_their_names_and_other_files_are_not(
    tmp_path: Path,
) -> None:
    for name in ("b.png", "a.PNG", "c.jpeg", ".hidden.png", ".git/x.png", "__MACOSX/y.png"):
        save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert Folder("train", path=tmp_path).names == ["a.PNG", "b.png", "c.jpeg"]


def test_sub_folders_are_classes_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("dogs/1.png", "cats/2.png", "cats/old/3.png"):
        save(tmp_path / "pets" / name)
    data = Folder("train", path=tmp_path)
    assert data.classes == ("cats", "dogs")
    assert data.spec.classes == 2
    assert data.labels == [0, 0, 1]
    assert [label for _, label in data] == data.tensors()[1].tolist() == [0, 0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "names", [("cats/1.png", "2.png"), ("1.png", "2.png"), ("a/1.png", "a/2.png")]
)
def test_pictures_outside_of_folders_or_in_a_single_one_have_no_labels(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    for name in names:
        save(tmp_path / name)
    data = Folder("train", path=tmp_path)
    assert data.labels is None
    assert data.spec.classes == 0
    assert data[0][1] is None


def test_a_class_inside_a_folder_of_its_own_name_is_not_mistaken(tmp_path: Path) -> None:
    for name in ("cats/cats/1.png", "cats/dogs/2.png"):
        save(tmp_path / name)
    assert Folder("train", path=tmp_path).labels == [0, 1]


def test_links_are_followed_and_loops_of_links_end(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    outside = save(tmp_path.parent / f"{tmp_path.name}-outside" / "2.png")
    (tmp_path / "linked").symlink_to(outside.parent)
    assert Folder("train", path=tmp_path).names == ["a/1.png", "linked/2.png"]


def test_a_pipe_with_the_name_of_a_picture_is_not_opened(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    assert Folder("train", path=tmp_path).names == ["a.png"]


def test_missing_empty_and_wrong_paths_have_different_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder or zip"):
        Folder("train", path=tmp_path / "nowhere")
    with pytest.raises(DataError, match="there are no pictures in"):
        Folder("train", path=tmp_path)
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(DataError, match="neither a folder nor a zip"):
        Folder("train", path=tmp_path / "text.zip")
    with pytest.raises(DataError, match="no split 'val'; it has train, test"):
        Folder("val", path=tmp_path)


def test_without_a_holdout_all_pictures_are_for_training_and_test_is_an_error(
    tmp_path: Path,
) -> None:
    save(tmp_path / "a.png")
    assert len(Folder("train", path=tmp_path)) == 1
    with pytest.raises(DataError, match="has no test split") as raised:
        Folder("test", path=tmp_path)
    assert "dataset.holdout=0.1" in str(raised.value.hint)


def test_a_fraction_splits_the_names_and_adding_pictures_moves_none(tmp_path: Path) -> None:
    def parts() -> tuple[set[str], set[str]]:
        splits = [Folder(s, path=tmp_path, holdout=0.3, size=8).names for s in ("train", "test")]
        return set(splits[0]), set(splits[1])

    for index in range(100):
        (tmp_path / f"{index}.png").write_bytes(b"never opened")
    train, test = parts()
    assert not train & test
    assert len(train | test) == 100
    assert 15 < len(test) < 45
    for index in range(100, 200):
        (tmp_path / f"{index}.png").write_bytes(b"never opened")
    more_train, more_test = parts()
    assert train < more_train
    assert test < more_test


def test_a_fraction_that_leaves_nothing_is_an_error(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(DataError, match="the split 'train' is empty: holdout is"):
        Folder("train", path=tmp_path, holdout=1.0)


@pytest.mark.parametrize("other", ["val", "unlabelled"])
def test_pictures_beside_the_folders_of_the_splits_are_named(tmp_path: Path, other: str) -> None:
    for name in ("train/1.png", "test/2.png", f"{other}/3.png"):
        save(tmp_path / name)
    data = Folder("train", path=tmp_path)
    assert (data.names, data.spec.classes) == (["train/1.png"], 0)
    assert data.skipped == [f"1 file is in neither train/ nor test/: {other}/3.png"]


def test_a_holdout_folder_keeps_the_numbers_of_the_training_classes(tmp_path: Path) -> None:
    for name in ("train/cats/1.png", "train/dogs/2.png", "test/dogs/3.png"):
        save(tmp_path / name)
    holdout = tmp_path / "test"
    data = Folder("test", path=tmp_path / "train", holdout=holdout)
    assert data.labels == [1]
    assert data.spec.classes == 2
    assert len(Folder("train", path=tmp_path / "train", holdout=holdout)) == 2
    save(holdout / "cows" / "4.png")
    with pytest.raises(DataError, match=r"a class of the training set: cats, dogs"):
        Folder("test", path=tmp_path / "train", holdout=holdout)
