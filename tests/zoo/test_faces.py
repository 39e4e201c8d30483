"""CelebA, FFHQ and AFHQ as they are unpacked, here with few small pictures."""

import zipfile
from pathlib import Path

import pytest
from ganzoo_zoo.datasets.faces import Afhq, Celeba, Ffhq
from PIL import Image

from ganzoo.errors import DataError


def save(path: Path, size: tuple[int, int] = (12, 12)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (10, 20, 30)).save(path)


@pytest.fixture
def celeba(tmp_path: Path) -> Path:
    folder = tmp_path / "img_align_celeba"
    for number in range(1, 7):
        save(folder / f"{number:06}.jpg", (18, 22))
    parts = [0, 0, 1, 0, 2, 2]
    lines = [f"{number:06}.jpg {part}" for number, part in enumerate(parts, start=1)]
    (tmp_path / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_celeba_has_the_splits_of_its_partition_and_no_labels(celeba: Path) -> None:
    train, test = (Celeba(split, path=celeba, size=8) for split in ("train", "test"))
    assert train.names == ["000001.jpg", "000002.jpg", "000004.jpg"]
    assert test.names == ["000005.jpg", "000006.jpg"]
    assert train.spec.shape == (3, 8, 8)
    assert train[0][1] is None
    assert set(test.source_files()) == {"000005.jpg", "000006.jpg"}


def test_celeba_is_read_from_a_zip_and_the_partition_may_lie_elsewhere(
    celeba: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "elsewhere" / "img.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as members:
        for file in sorted(celeba.iterdir()):
            members.write(file, f"img_align_celeba/{file.name}")
    partition = tmp_path / "list_eval_partition.txt"
    assert len(Celeba("train", path=archive, partition=partition, size=8)) == 3
    with pytest.raises(DataError, match=r"list_eval_partition.txt cannot be read") as raised:
        Celeba("train", path=archive, size=8)
    assert "dataset.partition" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("000001.jpg 0\n000002.jpg train\n", "line 2: expected a file name and 0, 1 or 2"),
        ("000001.jpg\n", "line 1: expected"),
        ("000001.jpg 0\n", "does not list 000002.jpg"),
        ("", "does not list 000001.jpg"),
    ],
)
def test_a_damaged_partition_is_one_error(text: str, words: str, celeba: Path) -> None:
    (celeba.parent / "list_eval_partition.txt").write_text(text)
    with pytest.raises(DataError, match=words):
        Celeba("train", path=celeba, size=8)


def test_bytes_that_are_no_text_are_one_error(celeba: Path) -> None:
    (celeba.parent / "list_eval_partition.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        Celeba("train", path=celeba, size=8)


def test_ffhq_splits_by_number_and_its_folders_are_no_classes(tmp_path: Path) -> None:
    for number in (0, 59_999, 60_000, 69_999):
        save(tmp_path / f"{number // 1000 * 1000:05}" / f"{number:05}.png")
    train, test = (Ffhq(split, path=tmp_path, size=8) for split in ("train", "test"))
    assert train.names == ["00000/00000.png", "59000/59999.png"]
    assert test.names == ["60000/60000.png", "69000/69999.png"]
    assert train.spec.classes == 0
    assert train[1][1] is None
    assert len(Ffhq("train", path=tmp_path, size=8, everything=True)) == 4
    with pytest.raises(DataError, match="ffhq has no split 'test'"):
        Ffhq("test", path=tmp_path, size=8, everything=True)


def test_pictures_that_are_not_of_ffhq_are_an_error(tmp_path: Path) -> None:
    save(tmp_path / "00001.png")
    with pytest.raises(DataError, match="no picture of the split test of ffhq"):
        Ffhq("test", path=tmp_path, size=8)
    save(tmp_path / "me.png")
    with pytest.raises(DataError, match=r"me.png is not named by a number"):
        Ffhq("train", path=tmp_path, size=8)


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_afhq_has_its_splits_and_classes(held_out: str, tmp_path: Path) -> None:
    for split in ("train", held_out):
        for kind in ("cat", "dog", "wild"):
            save(tmp_path / "afhq" / split / kind / "a.png")
    train, test = (Afhq(split, path=tmp_path / "afhq", size=8) for split in ("train", "test"))
    assert train.spec.class_names == test.spec.class_names == ("cat", "dog", "wild")
    assert [label for _, label in test] == [0, 1, 2]


def test_other_folders_than_those_of_afhq_are_an_error(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/a.png"):
        save(tmp_path / name)
    with pytest.raises(DataError, match="has the folders cat, dog, not cat, dog, wild"):
        Afhq("train", path=tmp_path, size=8)
