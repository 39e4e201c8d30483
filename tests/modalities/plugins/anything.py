"""Data of any modality, random but always the same, and networks that take it as plain numbers."""

import torch
from torch import Tensor, nn

from ganzoo.api import PositiveInt, SampleSpec, hookimpl
from ganzoo.modalities import modality as modality_of


class Noise:
    def __init__(self, split: str, *, modality: str = "image", length: PositiveInt = 48) -> None:
        self.spec = modality_of(modality).specs()[0]
        random = torch.Generator().manual_seed(0)
        samples = self.spec.kind.random(self.spec, length, random)
        self.samples = self.spec.kind.decode(self.spec, samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int | None]:
        return self.samples[index], index % self.spec.classes


class Generator(nn.Module):
    latent_dim = 8

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.shape = spec.model_shape
        self.layer = nn.Linear(8, spec.size)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layer(z).tanh().unflatten(1, self.shape)


class Critic(nn.Module):
    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.layer = nn.Linear(spec.size, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layer(x.flatten(1))[:, 0]


class Flat:
    input_shape, num_features, layer, weights_sha256 = None, 4, "values", None
    model_form = True  # rows of a table may miss values

    def __call__(self, x: Tensor) -> Tensor:
        return x.flatten(1).repeat(1, 2)[:, :4]


@hookimpl
def register_datasets(register):
    register("noise", "anything:Noise", extractor="local/flat")


@hookimpl
def register_generators(register):
    register("plain", "anything:Generator")


@hookimpl
def register_discriminators(register):
    register("plain", "anything:Critic")


@hookimpl
def register_extractors(register):
    register("flat", "anything:Flat")
