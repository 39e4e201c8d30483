"""Extractors, data and metrics that are small enough to be worked out by hand."""

import torch
from torch import Tensor, nn

from ganzoo.api import Evaluated, SampleSpec
from ganzoo.moments import Moments
from ganzoo.scoring.reference import RealData
from ganzoo.scoring.score_samples import ExtractorIdentity

POINTS = SampleSpec("vector", (6,))
GREY = SampleSpec("image", (1, 8, 8))
CPU = torch.device("cpu")


class Flat:
    """The samples themselves, after a fixed linear map to `width` numbers."""

    input_shape = None
    layer = "flat"
    weights_sha256 = None

    def __init__(self, width: int | None = None) -> None:
        self.num_features = width
        self.batches: list[int] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.batches.append(len(x))
        x = x.flatten(1)
        if self.num_features is None:
            return x
        generator = torch.Generator().manual_seed(0)
        return x @ torch.randn(x.shape[1], self.num_features, generator=generator)

    def class_logits(self, features: Tensor) -> Tensor:
        return features[:, :2]


class Network(nn.Module):
    """One convolution with batch norm over RGB images of 16x16, 4 features."""

    input_shape = (3, 16, 16)
    layer = "pool"
    num_features = 4
    weights_sha256 = "ab" * 32

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).mean((2, 3))


class Agreement:
    """How often the label is that of the larger class logit; and how many samples there are."""

    def __call__(self, real: Evaluated, fake: Evaluated) -> dict[str, float]:
        said = {"real": float(len(real.features)), "fake": float(len(fake.features))}
        for name, side in (("real", real), ("fake", fake)):
            assert side.class_logits is not None
            assert torch.equal(side.samples.flatten(1)[:, :2].float(), side.class_logits)
            if side.labels is not None:
                same = side.class_logits.argmax(1) == side.labels
                said[f"{name}_agreement"] = float(same.double().mean())
        return said


def moments(features: Tensor) -> Moments:
    features = features.double()
    return Moments(features.mean(0), features.T.cov(), len(features))


def identity(name: str) -> ExtractorIdentity:
    return ExtractorIdentity(f"toys/{name}", 3, "factor=2.0", "c" * 64)


def points(n: int, seed: int) -> Tensor:
    """n correlated points in 6 dimensions, float32."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(n, 6, generator=generator) @ torch.randn(6, 6, generator=generator)
    return mixed + torch.arange(6.0)


def labels_of(points: Tensor) -> Tensor:
    """Labels that `Agreement` agrees with."""
    return points[:, :2].argmax(1)


def batches(points: Tensor, *sizes: int) -> list[tuple[Tensor, Tensor]]:
    return [(part, labels_of(part)) for part in points.split(list(sizes) or len(points))]


def real_samples() -> Tensor:
    return points(40, seed=1)


def real_points(added: float = 0) -> RealData:
    samples = real_samples() + added
    return RealData.of(samples, labels_of(samples), "toys/points", "train", "noise=0")
