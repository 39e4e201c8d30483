"""Sound in one ``--plugin`` file: data set, networks and extractor."""

import math

import torch
from torch import Tensor, nn

from ganzoo.api import SampleSpec, hookimpl


class Tones:
    def __init__(self, split: str) -> None:
        names = ("low", "high")
        self.spec = SampleSpec("audio", (1, 2000), 2, sample_rate=8000, class_names=names)

    def __len__(self) -> int:
        return 256

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pitch = (220, 880)[index % 2] * 2 ** (index // 2 % 12 / 12)
        time = torch.arange(2000) / 8000
        return (0.8 * torch.sin(math.tau * pitch * time) * torch.exp(-4 * time))[None], index % 2


class Generator(nn.Sequential):
    latent_dim = 16

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, spec.size), nn.Tanh())
        self.append(nn.Unflatten(1, spec.shape))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return super().forward(z)


class Critic(nn.Sequential):
    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(nn.Flatten(), nn.Linear(spec.size, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().forward(x)[:, 0]


class Bands:
    input_shape, num_features, layer, weights_sha256 = None, None, "bands", None

    def __call__(self, x: Tensor) -> Tensor:
        power = torch.fft.rfft(x[:, 0], norm="ortho").abs().square()
        return torch.log1p(torch.stack([each.mean(1) for each in power.chunk(8, dim=1)], dim=1))


@hookimpl
def register_datasets(register):
    register("tones", "tones:Tones", modalities={"audio"}, extractor="local/bands")


@hookimpl
def register_generators(register):
    register("waves", "tones:Generator", modalities={"audio"})


@hookimpl
def register_discriminators(register):
    register("waves", "tones:Critic", modalities={"audio"})


@hookimpl
def register_extractors(register):
    register("bands", "tones:Bands", modalities={"audio"})
