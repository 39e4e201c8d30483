"""A plugin file: a streamed data set, and an augmentation with state."""

import torch

from ganzoo.api import SampleSpec, hookimpl

SAMPLES = 48


@hookimpl
def register_datasets(register):
    register("ramps", "local:Ramps", summary="48 grey ramps", splits=("train",), revision=1)


@hookimpl
def register_augmentations(register):
    register("learning", "local:Learning", summary="noise that follows D's logits", revision=1)


class Ramps:
    """Sample i is a ramp that begins at i; nothing is kept in memory."""

    def __init__(self, split, *, labelled: bool = False) -> None:
        self.spec = SampleSpec("image", (1, 8, 8))

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        return (torch.arange(64, dtype=torch.int64) * 2 + index).to(torch.uint8).view(1, 8, 8), None


class Learning(torch.nn.Module):
    """Adds noise whose strength goes up while D tells real samples apart, and down otherwise."""

    def __init__(self, spec, *, rate: float = 0.05) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer("strength", torch.zeros(()))

    def forward(self, x, noise):
        return x + self.strength * noise.normal("added", *x.shape[1:])

    def observe(self, statistics):
        self.strength += self.rate * statistics["real_logits_sign"].sign() + self.rate / 3
