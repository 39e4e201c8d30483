"""What the Fréchet distance over toy-cnn's features must see, with margins far inside its own.

The reference is the train split, 599 digits or as many shapes, and the hold-out is the test split.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from ganzoo_emoji.noto import Noto
from ganzoo_zoo.datasets.digits import Digits
from ganzoo_zoo.datasets.shapes import Shapes
from ganzoo_zoo.extractors import toy_cnn
from ganzoo_zoo.extractors.toy_cnn import EMOJI, FILE, SHAPES, WEIGHTS_SHA256, ToyCNN, to_input
from torch import Tensor

from ganzoo.errors import DataError

Make = Callable[[str], tuple[Tensor, Tensor]]
SOURCES: dict[str, Make] = {
    "digits-8": lambda split: Digits(split, size=8).tensors(),
    "digits-16": lambda split: Digits(split, size=16).tensors(),
    "digits-32": lambda split: Digits(split, size=32).tensors(),
    "shapes-32": lambda split: Shapes(split, length=600).tensors(),
}


class Judge:
    """Fréchet distance to the train split, and the hold-out that it is compared with."""

    def __init__(self, make: Make) -> None:
        self.network = ToyCNN()
        self.real = make("train")[0]
        self.images, self.labels = make("test")
        self.reference = self.moments(self.real)
        self.holdout = self(self.images)

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network(to_input(images)).double()
        return features.mean(0), features.T.cov()

    def __call__(self, images: Tensor) -> float:
        """|mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)), with the root through that of A."""
        (mu_a, a), (mu_b, b) = self.reference, self.moments(images)
        values, vectors = torch.linalg.eigh(a)
        root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
        cross = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
        return ((mu_a - mu_b).square().sum() + a.trace() + b.trace() - 2 * cross).item()

    def noisy(self, sd: float) -> float:
        noise = torch.randn(self.images.shape, generator=torch.Generator().manual_seed(0))
        return self(quantised(self.images + 255 * sd * noise))

    def without(self, classes: int) -> float:
        return self(self.images[self.labels >= classes])


def quantised(levels: Tensor) -> Tensor:
    return levels.clamp(0, 255).round().to(torch.uint8)


def pixel_gaussian(images: Tensor) -> Tensor:
    """Return as many samples of the Gaussian with the mean and covariance of the pixels.

    Normal combinations of the n centred rows, over sqrt(n - 1), have just that covariance.
    """
    rows = images.flatten(1).double()
    n = len(rows)
    z = torch.randn(n, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = rows.mean(0) + z @ (rows - rows.mean(0)) / (n - 1) ** 0.5
    return quantised(drawn).reshape(images.shape)


@pytest.fixture(scope="module", params=SOURCES.values(), ids=SOURCES)
def judge(request: pytest.FixtureRequest) -> Judge:
    return Judge(request.param)


def test_more_noise_is_worse(judge: Judge) -> None:
    assert judge.holdout < judge.noisy(0.1) < judge.noisy(0.2)
    assert judge.noisy(0.05) < judge.noisy(0.1)


def test_more_missing_classes_are_worse(judge: Judge) -> None:
    assert judge.holdout < judge.without(1) < judge.without(5) < judge.without(9)


def test_one_class_alone_is_twenty_times_the_holdout(judge: Judge) -> None:
    alone = [judge(judge.images[judge.labels == label]) for label in range(10)]
    assert min(alone) > 20 * judge.holdout


def test_uniform_noise_is_twenty_times_the_holdout(judge: Judge) -> None:
    noise = torch.rand(judge.images.shape, generator=torch.Generator().manual_seed(0))
    assert judge(quantised(255 * noise)) > 20 * judge.holdout


def test_a_gaussian_of_the_pixels_is_five_times_the_holdout(judge: Judge) -> None:
    assert judge(pixel_gaussian(judge.real)) > 5 * judge.holdout


@pytest.mark.parametrize("size", [8, 16, 32])
def test_unseen_digits_are_classified_at_every_size(size: int) -> None:
    assert accuracy(*Digits("test", size=size).tensors()) > 0.98  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [16, 32, 64])
def test_unseen_shapes_are_classified_at_every_size(size: int) -> None:
    images, labels = Shapes("test", size=size, length=1000).tensors()
    assert accuracy(images, labels + SHAPES.start) > 0.97


@pytest.mark.parametrize("split", ["train", "test"])
def test_emoji_of_a_font_that_it_never_saw_are_named_by_group_five_times_as_often_as_by_chance(
    split: str,
) -> None:
    images, labels = Noto(split).tensors()
    assert accuracy(images, labels + EMOJI.start) > 5 / 9


def accuracy(images: Tensor, labels: Tensor) -> float:
    network = ToyCNN()
    named = network.class_logits(network(to_input(images))).argmax(1)
    return (named == labels).double().mean().item()


def test_the_weights_are_those_whose_hash_is_in_the_code() -> None:
    assert sha256(FILE.read_bytes()).hexdigest() == WEIGHTS_SHA256 == ToyCNN().weights_sha256
    assert FILE.stat().st_size <= 400_000


def test_features_are_what_the_attributes_say() -> None:
    network = ToyCNN()
    features = network(torch.rand(5, *network.input_shape) * 255)
    assert features.shape == (5, network.num_features)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    assert network.class_logits(features).shape == (5, 29)
    assert not network.training


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(FILE.read_bytes())
    content[-1] ^= 1
    monkeypatch.setattr(toy_cnn, "FILE", tmp_path / "other.safetensors")
    with pytest.raises(DataError, match=r"other.safetensors cannot be read"):
        ToyCNN()
    (tmp_path / "other.safetensors").write_bytes(content)
    with pytest.raises(DataError, match=r"other.safetensors is not the expected file") as raised:
        ToyCNN()
    assert raised.value.hint == "pip install --force-reinstall ganzoo-zoo"
