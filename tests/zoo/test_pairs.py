"""`pairs`: three layouts of pairs of pictures, their splits, and what is wrong with a folder."""

import zipfile
from pathlib import Path

import pytest
import torch
from ganzoo_zoo.datasets.pairs import Pairs
from PIL import Image
from torch import Tensor

from ganzoo.errors import DataError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def save(path: Path, colour: tuple[int, int, int] = RED, size: tuple[int, int] = (8, 8)) -> Path:
    """Write a plain picture of (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def save_both(path: Path, left: tuple[int, int, int], right: tuple[int, int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (16, 8), left)
    image.paste(right, (8, 0, 16, 8))
    image.save(path)
    return path


def plain(image: Tensor) -> tuple[int, ...]:
    """Return the colour of a picture that has only one."""
    pixels = {tuple(each) for each in image.flatten(1).T.tolist()}
    assert len(pixels) == 1
    return pixels.pop()


def test_pictures_of_one_name_in_a_and_b_are_a_pair_whatever_their_suffix(tmp_path: Path) -> None:
    save(tmp_path / "A" / "x" / "1.png", RED)
    save(tmp_path / "A" / "x" / "2.bmp", GREEN)
    save(tmp_path / "b" / "x" / "1.bmp", BLUE)
    save(tmp_path / "b" / "x" / "2.png", RED)
    data = Pairs("train", path=tmp_path)
    assert data.spec.shape == (3, 8, 8)
    assert data.spec.condition is not None
    assert data.spec.condition.shape == (3, 8, 8)
    found = [(plain(condition), plain(sample)) for sample, condition in (data[0], data[1])]
    assert found == [(RED, BLUE), (GREEN, RED)]
    back = Pairs("train", path=tmp_path, direction="BtoA")
    sample, condition = back[0]
    assert (plain(condition), plain(sample)) == (BLUE, RED)
    assert set(data.source_files()) == {"A/x/1.png", "A/x/2.bmp", "b/x/1.bmp", "b/x/2.png"}


def test_of_a_picture_of_two_side_by_side_a_is_the_left_half(tmp_path: Path) -> None:
    save_both(tmp_path / "train" / "1.png", RED, BLUE)
    save_both(tmp_path / "val" / "1.png", GREEN, BLUE)
    sample, condition = Pairs("train", path=tmp_path)[0]
    assert (plain(condition), plain(sample)) == (RED, BLUE)
    sample, condition = Pairs("test", path=tmp_path)[0]
    assert (plain(condition), plain(sample)) == (GREEN, BLUE)


@pytest.mark.parametrize("layout", ["train/A", "trainA"])
def test_splits_are_folders_around_a_and_b_or_a_part_of_their_names(
    tmp_path: Path, layout: str
) -> None:
    for word in ("train", "test"):
        for letter, colour in (("A", RED), ("B", BLUE)):
            folder = layout.replace("train", word).replace("A", letter)
            save(tmp_path / "around" / folder / f"{word}.png", colour)
    for split in ("train", "test"):
        data = Pairs(split, path=tmp_path)
        assert [each.name.split("/")[-1] for each in data.a] == [f"{split}.png"]
        sample, condition = data[0]
        assert (plain(condition), plain(sample)) == (RED, BLUE)
    with pytest.raises(DataError, match="has a test split of its own"):
        Pairs("train", path=tmp_path, holdout=0.1)


def test_unpaired_sets_give_every_picture_of_the_longer_beside_one_of_the_other(
    tmp_path: Path,
) -> None:
    for index in range(9):
        save(tmp_path / "trainA" / f"{index}.png", (index, 0, 0))
    for index in range(4):
        save(tmp_path / "trainB" / f"other-{index}.png", (0, index, 0))
    data = Pairs("train", path=tmp_path, pairing="unpaired")
    assert data.spec.shape == (3, 8, 16)
    samples, conditions = data.tensors()
    assert torch.equal(samples, conditions)
    left, right = samples.chunk(2, 3)
    assert [plain(each)[0] for each in left] == list(range(9))
    seen = [plain(each)[1] for each in right]
    assert len(set(seen)) > 1
    assert set(seen) <= set(range(4))
    assert seen == [plain(Pairs("train", path=tmp_path, pairing="unpaired")[i][0][:, :, 8:])[1]
                    for i in range(9)]  # fmt: skip
    with pytest.raises(ValueError, match="would exchange the two pictures"):
        Pairs("train", path=tmp_path, pairing="unpaired", mirror=True)


def test_a_fraction_is_held_out_by_name_and_pairs_stay_together(tmp_path: Path) -> None:
    for index in range(40):
        save(tmp_path / "A" / f"{index}.png", (index, 0, 0))
        save(tmp_path / "B" / f"{index}.png", (0, index, 0))
    train = Pairs("train", path=tmp_path, holdout=0.3)
    test = Pairs("test", path=tmp_path, holdout=0.3)
    assert len(train) + len(test) == 40
    assert 5 < len(test) < 20
    seen = set()
    for data in (train, test):
        for sample, condition in data:
            assert plain(sample)[1] == plain(condition)[0]
            seen.add(plain(sample)[1])
    assert len(seen) == 40


def test_a_zip_is_read_in_place_and_pictures_are_resized_and_grey(tmp_path: Path) -> None:
    save_both(tmp_path / "1.png", (255, 255, 255), (0, 0, 0))
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as file:
        file.write(tmp_path / "1.png", "1.png")
    data = Pairs("train", path=tmp_path / "data.zip", size=4, channels=1)
    sample, condition = data[0]
    assert sample.shape == condition.shape == (1, 4, 4)
    assert (int(condition.min()), int(sample.max())) == (255, 0)


def test_a_picture_without_a_partner_is_named_with_what_to_do(tmp_path: Path) -> None:
    for name in ("A/1.png", "A/2.png", "A/3.png", "B/1.png"):
        save(tmp_path / name)
    with pytest.raises(DataError, match=r"A/2.png has no partner .* in B, and 1 more") as caught:
        Pairs("train", path=tmp_path)
    assert caught.value.hint == "add or remove pictures, or dataset.pairing=unpaired"
    assert len(Pairs("train", path=tmp_path, pairing="unpaired")) == 3


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("A/1.png", "A/1.bmp", "B/1.png"):
        save(tmp_path / name)
    with pytest.raises(DataError, match=r"A/1.png and A/1.bmp are two pictures of one name"):
        Pairs("train", path=tmp_path)


def test_a_folder_of_other_pictures_is_refused_by_the_first_one(tmp_path: Path) -> None:
    save(tmp_path / "1.png", size=(8, 9))
    with pytest.raises(DataError, match=r"1.png is 8x9: no two pictures side by side") as caught:
        Pairs("train", path=tmp_path)
    assert "A/ and B/" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("folder", "said"),
    [("A", "in a folder A, and there are no pictures in B"), ("trainB", "no pictures in trainA")],
)
def test_a_folder_without_the_other_one_is_not_read_as_pictures_side_by_side(
    tmp_path: Path, folder: str, said: str
) -> None:
    save_both(tmp_path / folder / "1.png", RED, BLUE)
    with pytest.raises(DataError, match=said):
        Pairs("train", path=tmp_path)


def test_pictures_beside_a_and_b_are_named_as_left_out(tmp_path: Path) -> None:
    for name in ("A/1.png", "B/1.png", "C/1.png", "C/2.png"):
        save(tmp_path / name)
    data = Pairs("train", path=tmp_path)
    assert len(data) == 1
    assert data.skipped == ["2 pictures are in no folder A or B: C/1.png, C/2.png"]


def test_other_sizes_need_a_size_and_bad_pictures_are_named(tmp_path: Path) -> None:
    save(tmp_path / "A" / "1.png")
    save(tmp_path / "B" / "1.png", size=(9, 9))
    with pytest.raises(DataError, match=r"differ in size: A/1.png is 8x8, B/1.png is 9x9"):
        Pairs("train", path=tmp_path)
    (tmp_path / "B" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    data = Pairs("train", path=tmp_path, size=8)
    with pytest.raises(DataError, match=r"1 of 2 pictures .* cannot be read: B/1.png \("):
        data.check()
    with pytest.raises(DataError, match=r"B/1.png cannot be read"):
        data[0]


def test_a_missing_test_split_says_how_to_get_one(tmp_path: Path) -> None:
    save_both(tmp_path / "1.png", RED, BLUE)
    with pytest.raises(DataError, match="has no test split") as caught:
        Pairs("test", path=tmp_path)
    assert caught.value.hint == "dataset.holdout=0.1, or eval.reference=train"
    with pytest.raises(DataError, match="no split 'val'"):
        Pairs("val", path=tmp_path)
    with pytest.raises(DataError, match="the split 'train' is empty"):
        Pairs("train", path=tmp_path, holdout=1.0)
