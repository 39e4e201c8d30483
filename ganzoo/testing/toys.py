"""Two small known networks, and a game that records what a component requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, Noise, SampleSpec
from ganzoo.components.build import batch_multiple, capabilities
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import as_output

OFFERED = {
    "generator": frozenset({"styles"}),
    "discriminator": frozenset({"conditional", "features", "class-logits"}),
}
"""Capabilities of the two toys; a component that requires more needs other networks."""


def in_range(spec: SampleSpec, levels: Tensor) -> Tensor:
    """Return levels, mostly in [-1, 1], as values in the range of the model form."""
    bounds = spec.kind.value_range
    if bounds is None or bounds == (-1, 1):
        return levels
    low, high = bounds
    return (low + high) / 2 + (high - low) / 2 * torch.tanh(levels)


class ToyGenerator(nn.Module):
    """G whose samples are `level` plus a small term that depends on z and on its weights.

    Has styles (B, 2, latent_dim), like style-based generators.
    """

    latent_dim = 8

    def __init__(self, spec: SampleSpec, level: float = 0.0, latent_dim: int | None = None) -> None:
        super().__init__()
        self.latent_dim = latent_dim or self.latent_dim
        self.mapping = nn.Linear(self.latent_dim, self.latent_dim)
        self.layer = nn.Linear(self.latent_dim, spec.size)
        self.spec = spec
        self.level = level

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.from_styles(self.styles(z, y))

    def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.mapping(z)[:, None].expand(-1, 2, -1)

    def from_styles(self, w: Tensor, *, noise: Noise | None = None) -> Tensor:
        detail = torch.tanh(self.layer(w.mean(1))).view(-1, *self.spec.model_shape)
        return in_range(self.spec, self.level + 0.1 * detail)


class ToyDiscriminator(nn.Module):
    """D whose logits, (B,) or (B, columns), have the sign of the samples' mean level.

    Logits are not linear in the samples, and each column weighs them differently. Has features,
    with weights below each, and class logits if there are classes.
    """

    def __init__(self, spec: SampleSpec, columns: int | None = None) -> None:
        super().__init__()
        count = columns or 1
        self.scale = nn.Parameter(torch.ones(spec.size))
        self.weights = nn.Parameter(torch.linspace(1, 2, count)[:, None].repeat(1, spec.size))
        self.classifier = nn.Linear(spec.size, spec.classes) if spec.classes else None
        self.centre = sum(spec.kind.value_range or (0.0, 0.0)) / 2
        self.columns = columns

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        flat = x.flatten(1) - self.centre
        bent = self.scale * (flat + 0.1 * flat.square())
        judged = bent @ self.weights.T / len(self.scale)
        logits = judged if self.columns else judged.squeeze(1)
        classes = self.classifier(bent) if self.classifier else None
        return DiscriminatorOutput(logits, (bent, judged), classes)


class ScaledDiscriminator(nn.Module):
    """D whose logits are `factor` times those of another D, with its capabilities."""

    def __init__(self, network: nn.Module, factor: float) -> None:
        super().__init__()
        self.network = network
        self.factor = factor
        self.capabilities = capabilities(network)
        self.batch_multiple = batch_multiple(network)

    def forward(self, x: Tensor, y: Tensor | None = None, **extra: Any) -> DiscriminatorOutput:
        output = as_output(self.network(x, y, **extra))
        return output._replace(logits=self.factor * output.logits)


COUNTERS = frozenset({"step", "samples_seen"})
"""Numbers of a game that change in every step."""


@dataclass
class RecordingGame(EngineGame):
    """A game that records requests that a component must declare, or that may couple rows."""

    requested: set[str] = field(default_factory=set, repr=False)
    """Capabilities of the requested input gradients; ``mean``, ``gather``; the counters read."""

    def __getattribute__(self, name: str) -> Any:
        if name in COUNTERS:
            object.__getattribute__(self, "requested").add(name)
        return object.__getattribute__(self, name)

    def input_gradient(
        self, x: Tensor, y: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        side = next((side for side in ("real", "fake") if x is self._known.get(side)), "input")
        self.requested.add(f"{side}-gradient")
        return super().input_gradient(x, y)

    def mean(self, t: Tensor) -> Tensor:
        self.requested.add("mean")
        return super().mean(t)

    def gather(self, t: Tensor) -> Tensor:
        self.requested.add("gather")
        return super().gather(t)

    def replace(self, **fields: Any) -> Self:
        before = set(self.requested)
        replaced = super().replace(**fields)  # with the same set of requests
        self.requested -= COUNTERS - before  # read by super().replace, not by the component
        return replaced
