"""MNIST's IDX format: two zero bytes, the type, the number of axes, their lengths, the bytes.

Source: http://yann.lecun.com/exdb/mnist, "The IDX file format". The files here hold few images.
"""

import gzip
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ganzoo_zoo.datasets.idx import FashionMnist, IdxImages, Kmnist, Mnist
from ganzoo_zoo.datasets.stacked_mnist import StackedMnist

from ganzoo.errors import DataError

COUNTS = {"train": 7, "t10k": 5}
FORMS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "packed": ("{}.gz", gzip.compress),
    "unpacked": ("{}", bytes),
}


def images(prefix: str) -> np.ndarray:
    count = COUNTS[prefix]
    return np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def labels(prefix: str) -> np.ndarray:
    return (np.arange(COUNTS[prefix]) * 3 % 10).astype(np.uint8)


def contents() -> dict[str, bytes]:
    """Return the four files by name, unpacked."""
    found = {}
    for prefix, count in COUNTS.items():
        head = struct.pack(">HBB", 0, 8, 3) + struct.pack(">3I", count, 28, 28)
        found[f"{prefix}-images-idx3-ubyte"] = head + images(prefix).tobytes()
        head = struct.pack(">HBB", 0, 8, 1) + struct.pack(">I", count)
        found[f"{prefix}-labels-idx1-ubyte"] = head + labels(prefix).tobytes()
    return found


def written(folder: Path, form: str = "packed") -> Path:
    folder.mkdir(exist_ok=True)
    name_of, pack = FORMS[form]
    for name, content in contents().items():
        (folder / name_of.format(name)).write_bytes(pack(content))
    return folder


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dataset", [Mnist, FashionMnist, Kmnist])
def test_images_and_labels_come_in_the_order_of_the_files(
    dataset: type[IdxImages], form: str, tmp_path: Path
) -> None:
    folder = written(tmp_path / "raw", form)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        data = dataset(split, path=folder)  # type: ignore[call-arg]
        found, classes = data.tensors()
        assert torch.equal(found[:, 0], torch.from_numpy(images(prefix)))
        assert classes.tolist() == list(data.labels) == labels(prefix).tolist()
        assert len(data) == COUNTS[prefix]
        assert torch.equal(data[-1][0], found[-1])
        assert data[1][1] == 3
    assert data.spec.classes == 10


def test_files_named_with_a_point_are_found(tmp_path: Path) -> None:
    for name, content in contents().items():
        (tmp_path / name.replace("-idx", ".idx")).write_bytes(content)
    assert len(Mnist("test", path=tmp_path)) == 5


def test_at_size_32_two_black_pixels_are_added_on_each_side(tmp_path: Path) -> None:
    folder = written(tmp_path / "raw")
    large, small = (Mnist("train", path=folder, size=size).tensors()[0] for size in (32, 28))
    assert torch.equal(large[..., 2:-2, 2:-2], small)
    large[..., 2:-2, 2:-2] = 0
    assert not large.any()


def test_without_a_path_the_packed_files_of_the_cache_are_read(own_cache: Path) -> None:
    with pytest.raises(DataError, match="fashion-mnist is not at") as raised:
        FashionMnist("train")
    assert raised.value.hint == "ganzoo fetch fashion-mnist"
    own_cache.mkdir(exist_ok=True)
    for name, content in contents().items():
        (own_cache / f"fashion-mnist-{name}.gz").write_bytes(gzip.compress(content))
    assert len(FashionMnist("train")) == 7


def test_samples_survive_pickling_without_the_pixels(tmp_path: Path) -> None:
    data = Kmnist("train", path=written(tmp_path / "raw"))
    first = data[0][0]
    assert len(pickle.dumps(data)) < 2000
    assert torch.equal(pickle.loads(pickle.dumps(data))[0][0], first)  # noqa: S301 - our own bytes


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
DAMAGED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a missing pixel": (IMAGES, lambda content: content[:-1], "has 5,503 bytes; its header says"),
    "more pixels": (IMAGES, lambda content: content + b"\0", "has more bytes; its header says"),
    "no header": (IMAGES, lambda content: content[:9], "ends after 9 bytes"),
    "nothing": (IMAGES, lambda content: b"", "ends after 0 bytes"),
    "labels as images": (IMAGES, lambda content: contents()[LABELS] + bytes(16), "is no IDX file"),
    "other sides": (
        IMAGES,
        lambda content: content[:8] + struct.pack(">2I", 14, 56) + content[16:],
        "is no IDX file of images of 28 x 28",
    ),
    "a giant count": (
        IMAGES,
        lambda content: content[:4] + struct.pack(">I", 2**32 - 1) + content[8:],
        "is no IDX file",
    ),
    "no image": (IMAGES, lambda content: content[:4] + bytes(4) + content[8:], "is no IDX file"),
    "fewer labels": (
        LABELS,
        lambda content: content[:4] + struct.pack(">I", 6) + content[8:-1],
        "has 6 labels, .* has 7 images",
    ),
    "a label of 10": (LABELS, lambda content: content[:-1] + b"\x0a", "has a label 10"),
    "text": (LABELS, lambda content: b"<!DOCTYPE html><html>", "is no IDX file of labels"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_is_one_error_that_names_the_file(damage: str, form: str, tmp_path: Path) -> None:
    folder = written(tmp_path / "raw", form)
    name, change, words = DAMAGED[damage]
    name_of, pack = FORMS[form]
    file = folder / name_of.format(name)
    file.write_bytes(pack(change(contents()[name])))
    with pytest.raises(DataError, match=words) as raised:
        Mnist("train", path=folder).tensors()
    assert str(file) in raised.value.message
    assert raised.value.hint == "ganzoo fetch mnist"


def test_a_packed_file_that_is_cut_short_is_an_error(tmp_path: Path) -> None:
    folder = written(tmp_path / "raw")
    file = folder / f"{IMAGES}.gz"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"images-idx3-ubyte.gz cannot be read"):
        Mnist("train", path=folder).tensors()


def test_a_packed_file_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "raw")
    count = 1_000_000
    head = struct.pack(">HBB", 0, 8, 3) + struct.pack(">3I", count, 28, 28)
    (folder / f"{IMAGES}.gz").write_bytes(gzip.compress(head + bytes(10_000)))
    head = struct.pack(">HBB", 0, 8, 1) + struct.pack(">I", count)
    (folder / f"{LABELS}.gz").write_bytes(gzip.compress(head + bytes(10_000)))
    with pytest.raises(DataError, match="would unpack to more than 100 times its size"):
        Mnist("train", path=folder).tensors()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "raw")
    (folder / f"{LABELS}.gz").unlink()
    with pytest.raises(DataError, match="it has no train-labels-idx1-ubyte"):
        Mnist("train", path=folder)
    assert len(Mnist("test", path=folder)) == 5
    with pytest.raises(DataError, match="mnist has no split 'val'"):
        Mnist("val", path=folder)


def test_a_stack_has_the_three_digits_that_its_label_says(tmp_path: Path) -> None:
    folder = written(tmp_path / "raw")
    stacked = StackedMnist("train", path=folder, length=50)
    found, classes = stacked.tensors()
    assert found.shape == (50, 3, 28, 28)
    images_of = dict(zip(labels("train").tolist(), images("train"), strict=True))
    for image, label in zip(found, classes.tolist(), strict=True):
        for channel, digit in enumerate((label // 100, label // 10 % 10, label % 10)):
            assert torch.equal(image[channel], torch.from_numpy(images_of[digit]))
    assert len(set(classes.tolist())) > 30
    assert torch.equal(stacked[49][0], found[49])
    assert stacked.spec.classes == 1000
    again = pickle.loads(pickle.dumps(stacked))  # noqa: S301
    assert torch.equal(again[7][0], found[7])
    other, _ = StackedMnist("test", path=folder, length=50).tensors()
    assert not torch.equal(other, found)
