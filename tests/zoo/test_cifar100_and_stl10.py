"""The binary versions of CIFAR-100 and STL-10, here with few records.

CIFAR-100: a record is the coarse label, the fine label and 3 x 1,024 bytes, by rows. Source:
https://www.cs.toronto.edu/~kriz/cifar.html. STL-10: images of 3 x 96 x 96 bytes, by columns, and
labels from 1 to 10 in a file of their own. Source: https://cs.stanford.edu/~acoates/stl10.
"""

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from ganzoo_zoo.datasets import CIFAR100, STL10, cifar100, stl10
from ganzoo_zoo.datasets.cifar100 import Cifar100
from ganzoo_zoo.datasets.stl10 import Stl10

from ganzoo.errors import DataError

FEW = {"train": 4, "test": 3, "unlabeled": 5}


@pytest.fixture(autouse=True)
def few_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar100, "RECORDS", FEW)
    monkeypatch.setattr(stl10, "RECORDS", FEW)


def cifar(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        random = np.random.default_rng(FEW[split])
        records = random.integers(0, 256, (FEW[split], 3074), dtype=np.uint8)
        records[:, 0] = np.arange(FEW[split]) + 16
        records[:, 1] = np.arange(FEW[split]) + 96
        (folder / f"{split}.bin").write_bytes(records.tobytes())
    return folder


def stl(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for split, count in FEW.items():
        random = np.random.default_rng(count)
        images = random.integers(0, 256, (count, 3 * 96 * 96), dtype=np.uint8)
        (folder / f"{split}_X.bin").write_bytes(images.tobytes())
        if split != "unlabeled":
            (folder / f"{split}_y.bin").write_bytes(bytes(range(7, 7 + count)))
    return folder


def packed(folder: Path, archive: Path) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as members:
        members.add(folder, arcname=folder.name)
    return archive


def test_a_record_of_cifar100_is_two_labels_and_three_planes(tmp_path: Path) -> None:
    folder = cifar(tmp_path / "cifar-100-binary")
    images, labels = Cifar100("train", path=folder).tensors()
    record = (folder / "train.bin").read_bytes()[3074 : 2 * 3074]
    assert images.shape == (4, 3, 32, 32)
    assert images[1, 2, 31, 30] == record[2 + 3070]
    assert labels.tolist() == [96, 97, 98, 99]
    coarse = Cifar100("train", path=folder, classes="coarse")
    assert coarse.tensors()[1].tolist() == [16, 17, 18, 19]
    assert (coarse.spec.classes, Cifar100("test", path=folder).spec.classes) == (20, 100)


def test_an_image_of_stl10_is_stored_by_columns_and_labels_start_at_one(tmp_path: Path) -> None:
    folder = stl(tmp_path / "stl10_binary")
    data = Stl10("train", path=folder)
    images, labels = data.tensors()
    stored = (folder / "train_X.bin").read_bytes()
    assert images.shape == (4, 3, 96, 96)
    assert images[0, 0, 5, 0] == stored[5]
    assert images[0, 0, 0, 2] == stored[2 * 96]
    assert images[3, 2, 95, 95] == stored[-1]
    assert labels is not None
    assert labels.tolist() == [6, 7, 8, 9]
    assert torch.equal(data[2][0], images[2])
    assert data[-1][1] == 9


def test_the_unlabelled_images_have_no_classes_and_come_smaller(tmp_path: Path) -> None:
    folder = stl(tmp_path / "stl10_binary")
    whole, small = (Stl10("unlabeled", path=folder, size=size) for size in (96, 48))
    assert whole.spec.classes == 0
    images, labels = small.tensors()
    assert labels is None
    assert small[1][1] is None
    assert images.shape == (5, 3, 48, 48)
    blocks = torch.nn.functional.avg_pool2d(whole.tensors()[0].float(), 2)
    both = torch.stack([blocks.flatten(), images.float().flatten()])
    assert both.corrcoef()[0, 1] > 0.9
    assert torch.equal(pickle.loads(pickle.dumps(small))[0][0], images[0])  # noqa: S301 - our own


def test_mirror_is_passed_to_the_engine_and_changes_no_sample(tmp_path: Path) -> None:
    for dataset, folder in (
        (Cifar100, cifar(tmp_path / "cifar-100-binary")),
        (Stl10, stl(tmp_path / "stl10_binary")),
    ):
        plain, mirrored = (
            dataset("train", path=folder, mirror=mirror)  # type: ignore[operator]
            for mirror in (False, True)
        )
        assert (plain.mirror, mirrored.mirror) == (False, True)
        assert torch.equal(plain.tensors()[0], mirrored.tensors()[0])


def test_an_archive_gives_what_its_folder_gives(tmp_path: Path, own_cache: Path) -> None:
    for dataset, folder, name in (
        (Cifar100, cifar(tmp_path / "cifar-100-binary"), CIFAR100.name),
        (Stl10, stl(tmp_path / "stl10_binary"), STL10.name),
    ):
        with pytest.raises(DataError, match="is not at") as raised:
            dataset("test")  # type: ignore[operator]
        assert raised.value.hint in ("ganzoo fetch cifar100", "ganzoo fetch stl10")
        packed(folder, own_cache / name)
        ours, theirs = dataset("test").tensors(), dataset("test", path=folder).tensors()  # type: ignore[operator]
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])


def test_the_unlabelled_images_of_an_archive_are_refused_with_the_way_out(tmp_path: Path) -> None:
    archive = packed(stl(tmp_path / "stl10_binary"), tmp_path / "a.tar.gz")
    with pytest.raises(DataError, match="is read from unpacked files") as raised:
        Stl10("unlabeled", path=archive)
    assert "tar -xzf" in str(raised.value.hint)


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"1"])
def test_files_of_the_wrong_length_are_named(change: object, tmp_path: Path) -> None:
    folders = [cifar(tmp_path / "cifar-100-binary"), stl(tmp_path / "stl10_binary")]
    for dataset, folder, name in zip(
        (Cifar100, Stl10), folders, ("train.bin", "train_X.bin"), strict=True
    ):
        file = folder / name
        file.write_bytes(change(file.read_bytes()))  # type: ignore[operator]
        for path in (folder, packed(folder, tmp_path / f"{folder.name}.tar.gz")):
            with pytest.raises(DataError, match=rf"{name} has .* bytes, not"):
                dataset("train", path=path).tensors()  # type: ignore[operator]
        file.unlink()
        with pytest.raises(DataError, match=rf"{name} is missing"):
            dataset("train", path=folder)  # type: ignore[operator]


def test_labels_out_of_range_are_damage(tmp_path: Path) -> None:
    folder = cifar(tmp_path / "cifar-100-binary")
    content = bytearray((folder / "train.bin").read_bytes())
    content[1] = 100
    (folder / "train.bin").write_bytes(content)
    with pytest.raises(DataError, match="it has a label 100, the largest is 99"):
        Cifar100("train", path=folder).tensors()
    folder = stl(tmp_path / "stl10_binary")
    for wrong in (0, 11):
        (folder / "test_y.bin").write_bytes(bytes([1, 2, wrong]))
        with pytest.raises(DataError, match=r"test_y.bin has a label that is not in 1..10"):
            Stl10("test", path=folder).tensors()


def test_what_is_no_archive_is_one_error(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_text("no archive")
    for dataset in (Cifar100, Stl10):
        with pytest.raises(DataError, match=r"a.tar.gz cannot be read: .+\Z"):  # one line
            dataset("train", path=archive).tensors()  # type: ignore[operator]
        with pytest.raises(DataError, match="has no split 'val'"):
            dataset("val", path=archive)  # type: ignore[operator]
