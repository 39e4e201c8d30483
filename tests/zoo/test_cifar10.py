"""CIFAR-10's binary version: a record is a label and 3 x 1,024 bytes, red, green, blue, by rows.

Source: https://www.cs.toronto.edu/~kriz/cifar.html. The files here hold three records, not 10,000.
"""

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from ganzoo_zoo.datasets import CIFAR10, cifar10
from ganzoo_zoo.datasets.cifar10 import Cifar10

from ganzoo.errors import DataError

NAMES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


@pytest.fixture(autouse=True)
def three_records_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "RECORDS_PER_FILE", 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        records = np.random.default_rng(number).integers(0, 256, (3, 3073), dtype=np.uint8)
        records[:, 0] = (number + np.arange(3)) % 10
        (folder / name).write_bytes(records.tobytes())
    return folder


def packed(folder: Path, archive: Path) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as members:
        for name in reversed(NAMES):
            members.add(folder / name, arcname=f"cifar-10-batches-bin/{name}")
    return archive


def test_records_are_a_label_and_three_planes(folder: Path) -> None:
    images, labels = Cifar10("train", path=folder).tensors()
    assert images.shape == (15, 3, 32, 32)
    assert labels.tolist() == [0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 6]
    second = (folder / "data_batch_2.bin").read_bytes()[:3073]
    assert images[3, 1, 0, 5] == second[1 + 1024 + 5]
    assert images[3, 2, 31, 31] == second[3072]
    assert Cifar10("test", path=folder).tensors()[1].tolist() == [5, 6, 7]


def test_mirror_is_passed_to_the_engine_and_changes_no_sample(folder: Path) -> None:
    plain, mirrored = (Cifar10("train", path=folder, mirror=mirror) for mirror in (False, True))
    assert (plain.mirror, mirrored.mirror) == (False, True)
    assert torch.equal(plain.tensors()[0], mirrored.tensors()[0])


def test_an_archive_gives_what_its_folder_gives_whatever_its_order(folder: Path) -> None:
    archive = packed(folder, folder.parent / "a.tar.gz")
    for split in ("train", "test"):
        unpacked, packed_up = (Cifar10(split, path=path).tensors() for path in (folder, archive))
        assert torch.equal(unpacked[0], packed_up[0])
        assert torch.equal(unpacked[1], packed_up[1])
    assert sorted(path.name for path in folder.parent.iterdir()) == ["a.tar.gz", folder.name]


def test_without_a_path_the_archive_in_the_cache_is_read(folder: Path, own_cache: Path) -> None:
    with pytest.raises(DataError, match="cifar10 is not at") as raised:
        Cifar10("train")
    assert raised.value.hint == "ganzoo fetch cifar10"
    packed(folder, own_cache / CIFAR10.name)
    assert len(Cifar10("train")) == len(Cifar10("train").tensors()[0]) == 15


def test_single_samples_agree_and_pickle_keeps_them(folder: Path) -> None:
    data = Cifar10("test", path=folder)
    images, labels = data.tensors()
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 - our own bytes
    for index in (0, 2, -1):
        assert torch.equal(data[index][0], images[index])
        assert torch.equal(copy[index][0], images[index])
        assert data[index][1] == labels[index]
    assert sum(1 for _ in data) == 3


def test_a_file_of_the_wrong_length_or_none_is_named(folder: Path) -> None:
    short = folder / "data_batch_3.bin"
    short.write_bytes(short.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"data_batch_3.bin has 9,218 bytes, not 9,219"):
        Cifar10("train", path=folder)
    archive = packed(folder, folder.parent / "a.tar.gz")
    with pytest.raises(DataError, match=r"data_batch_3.bin has 9,218 bytes, not 9,219"):
        Cifar10("train", path=archive).tensors()
    short.write_bytes(bytes(9_220))
    archive = packed(folder, folder.parent / "a.tar.gz")
    with pytest.raises(DataError, match=r"data_batch_3.bin has 9,220 bytes, not 9,219"):
        Cifar10("train", path=archive).tensors()
    short.unlink()
    with pytest.raises(DataError, match=r"data_batch_3.bin is missing"):
        Cifar10("train", path=folder)


def test_a_label_above_nine_is_damage(folder: Path) -> None:
    (folder / "test_batch.bin").write_bytes(bytes([0, *[7] * 3072]) * 2 + bytes([10, *[7] * 3072]))
    with pytest.raises(DataError, match="a label 10, the largest is 9"):
        Cifar10("test", path=folder).tensors()


def test_an_archive_that_is_cut_short_or_is_none_is_an_error(folder: Path) -> None:
    archive = packed(folder, folder.parent / "a.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-3000])
    with pytest.raises(DataError, match=r"a.tar.gz cannot be read"):
        Cifar10("train", path=archive).tensors()
    archive.write_text("no archive")
    with pytest.raises(DataError, match=r"a.tar.gz cannot be read"):
        Cifar10("train", path=archive).tensors()


def test_an_unknown_split_is_an_error_that_names_the_splits(folder: Path) -> None:
    with pytest.raises(DataError, match="no split 'val'; it has train, test"):
        Cifar10("val", path=folder)
