"""The Inception network of 2015-12-05, by which FID is defined, with folded batch norms.

It is Inception-v3 (Szegedy et al. 2016, arXiv:1512.00567) in the form of the TensorFlow graph that
FID and the Inception Score are computed with. It differs from the published one in three points:
average pooling does not count the padding, the last block uses max pooling, and there are 1,008
classes. Attributes have the names of the public weights, so that one rule (`folded`) converts that
file.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-3
"""Epsilon of every batch norm."""

Size = int | tuple[int, int]


class Convolution(nn.Conv2d):
    """Convolution with bias, then ReLU: a convolution with its batch norm folded in."""

    def __init__(self, inputs: int, outputs: int, kernel: Size, *, stride: int = 1, pad: Size = 0):
        super().__init__(inputs, outputs, kernel, stride=stride, padding=pad)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(super().forward(x), inplace=True)


def average(x: Tensor) -> Tensor:
    """Return 3x3 average pooling that does not count the padding."""
    return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class Mixed35(nn.Module):
    """Block of the 35x35 grid; `pool` is the width of its pooled branch."""

    def __init__(self, inputs: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(inputs, 64, 1)
        self.branch5x5_1 = Convolution(inputs, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5, pad=2)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, pad=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, pad=1)
        self.branch_pool = Convolution(inputs, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(average(x))], 1)


class Reduction17(nn.Module):
    """From the 35x35 grid to 17x17."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = Convolution(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, pad=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, functional.max_pool2d(x, 3, stride=2)], 1)


class Mixed17(nn.Module):
    """Block of the 17x17 grid, with factorised 7x7 convolutions of `width` channels inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        row: dict[str, Size] = {"kernel": (1, 7), "pad": (0, 3)}
        column: dict[str, Size] = {"kernel": (7, 1), "pad": (3, 0)}
        self.branch1x1 = Convolution(768, 192, 1)
        self.branch7x7_1 = Convolution(768, width, 1)
        self.branch7x7_2 = Convolution(width, width, **row)
        self.branch7x7_3 = Convolution(width, 192, **column)
        self.branch7x7dbl_1 = Convolution(768, width, 1)
        self.branch7x7dbl_2 = Convolution(width, width, **column)
        self.branch7x7dbl_3 = Convolution(width, width, **row)
        self.branch7x7dbl_4 = Convolution(width, width, **column)
        self.branch7x7dbl_5 = Convolution(width, 192, **row)
        self.branch_pool = Convolution(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(average(x))], 1)


class Reduction8(nn.Module):
    """From the 17x17 grid to 8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(768, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Convolution(768, 192, 1)
        self.branch7x7x3_2 = Convolution(192, 192, (1, 7), pad=(0, 3))
        self.branch7x7x3_3 = Convolution(192, 192, (7, 1), pad=(3, 0))
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        pooled = functional.max_pool2d(x, 3, stride=2)
        return torch.cat([three, self.branch7x7x3_4(seven), pooled], 1)


class Mixed8(nn.Module):
    """Block of the 8x8 grid; the last one of the network uses max pooling."""

    def __init__(self, inputs: int, *, last: bool = False) -> None:
        super().__init__()
        self.last = last
        self.branch1x1 = Convolution(inputs, 320, 1)
        self.branch3x3_1 = Convolution(inputs, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3), pad=(0, 1))
        self.branch3x3_2b = Convolution(384, 384, (3, 1), pad=(1, 0))
        self.branch3x3dbl_1 = Convolution(inputs, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, pad=1)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3), pad=(0, 1))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1), pad=(1, 0))
        self.branch_pool = Convolution(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = functional.max_pool2d(x, 3, stride=1, padding=1) if self.last else average(x)
        parts = [
            self.branch1x1(x),
            self.branch3x3_2a(three),
            self.branch3x3_2b(three),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(pooled),
        ]
        return torch.cat(parts, 1)


class Network(nn.Module):
    """Images to pool3, the 2,048 features before the classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, pad=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b = Mixed35(192, pool=32)
        self.Mixed_5c = Mixed35(256, pool=64)
        self.Mixed_5d = Mixed35(288, pool=64)
        self.Mixed_6a = Reduction17(288)
        self.Mixed_6b = Mixed17(width=128)
        self.Mixed_6c = Mixed17(width=160)
        self.Mixed_6d = Mixed17(width=160)
        self.Mixed_6e = Mixed17(width=192)
        self.Mixed_7a = Reduction8()
        self.Mixed_7b = Mixed8(1280)
        self.Mixed_7c = Mixed8(2048, last=True)
        self.fc = nn.Linear(2048, 1008, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 (B, 2048), none negative, for (B, 3, 299, 299) in [0, 255].

        The network computes in the dtype of its weights, and the last mean in float32.
        """
        return self.to_8(self.to_17(self.to_35(self.to_71(x)))).float().mean((2, 3))

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return the last maps of 71, 35, 17 and 8 pixels: 192, 288, 768 and 2,048 channels."""
        maps = []
        for stage in (self.to_71, self.to_35, self.to_17, self.to_8):
            x = stage(x)
            maps.append(x)
        return maps

    def to_71(self, x: Tensor) -> Tensor:
        x = ((x - 128) / 128).to(self.fc.weight.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = functional.max_pool2d(x, 3, stride=2)
        return self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))

    def to_35(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(x, 3, stride=2)
        return self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))

    def mixed_5(self, x: Tensor) -> Tensor:
        """Return (B, 768, 17, 17) of the map of 35 pixels; so called in TensorFlow's graph."""
        return self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))

    def to_17(self, x: Tensor) -> Tensor:
        return self.Mixed_6e(self.Mixed_6d(self.mixed_5(x)))

    def to_8(self, x: Tensor) -> Tensor:
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))

    def spatial_features(self, x: Tensor) -> Tensor:
        """Return the first 7 of 192 channels of mixed_6/conv at 17x17 places, float32 (B, 2023).

        That is the 1x1 convolution of the graph's block mixed_6, after its ReLU: the features of
        sFID (Nash et al. 2021, arXiv:2103.03841, in the evaluation code of arXiv:2105.05233).
        """
        x = self.mixed_5(self.to_35(self.to_71(x)))
        return self.Mixed_6d.branch1x1(x)[:, :7].float().flatten(1)

    def class_logits(self, features: Tensor) -> Tensor:
        """Return float32 logits (B, 1008) without the classifier's bias.

        The Inception Score is computed from these (Salimans et al. 2016, arXiv:1606.03498, in the
        authors' code).
        """
        return functional.linear(features, self.fc.weight.float())


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of `Network` from weights with separate batch norms.

    gamma (W x - mu) / sigma + beta = (gamma / sigma) W x + (beta - gamma mu / sigma), where
    sigma = sqrt(variance + `EPSILON`): computed in float64, returned in float32.
    """
    weights = {"fc.weight": state["fc.weight"]}
    for key in state:
        if not key.endswith(".conv.weight"):
            continue
        name = key.removesuffix(".conv.weight")
        gamma, beta, mean, variance = (
            state[f"{name}.bn.{part}"].double()
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / (variance + EPSILON).sqrt()
        weights[f"{name}.weight"] = (state[key].double() * scale[:, None, None, None]).float()
        weights[f"{name}.bias"] = (beta - mean * scale).float()
    return weights
