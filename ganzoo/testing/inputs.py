"""Inputs of G and D for the checks of both networks, and the outputs for these inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, SampleSpec
from ganzoo.components.build import batch_multiple, takes
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing.component import Case
from ganzoo.testing.probes import ROUNDING, difference

BATCH = 4


class Inputs(NamedTuple):
    """Inputs of a network for one batch: latents or samples, labels or conditions, and keywords."""

    x: Tensor
    y: Tensor | None
    keywords: Mapping[str, Any] = {}
    """`noise` of a G or `extra` of a D that takes it; sampling parameters."""

    def into(self, network: nn.Module) -> Any:
        """Return the network's output for these inputs."""
        return network(self.x, self.y, **self.keywords)

    def rows(self, first: int, count: int) -> Self:
        """Return some rows, each with its own noise."""
        chosen, keywords = slice(first, first + count), dict(self.keywords)
        if noise := keywords.get("noise"):
            keywords["noise"] = replace(noise, rows=Rows(first, count))
        y = None if self.y is None else self.y[chosen]
        return self._replace(x=self.x[chosen], y=y, keywords=keywords)

    def having(self, **keywords: Any) -> Self:
        """Return these inputs with additional keyword arguments."""
        return self._replace(keywords={**self.keywords, **keywords})


def inputs(case: Case, network: nn.Module, batch: int = BATCH, seed: int = 1) -> Inputs:
    """Return inputs of a batch, the same for the same `seed`.

    Args:
        batch: number of rows for G, of packs for D (of samples, if it has no `batch_multiple`).
    """
    random = torch.Generator().manual_seed(seed)
    keywords: dict[str, Any] = {}
    if case.component.kind == "generator":
        latent_dim: Any = network.latent_dim
        x = torch.randn(batch, latent_dim, generator=random)
        if takes(network, "noise"):
            keywords["noise"] = noise_of(batch)
    else:
        batch *= batch_multiple(network)
        x = case.spec.kind.random(case.spec, batch, random)
        if "augmentation-aware" in case.capabilities:
            keywords["extra"] = None
    y = labels_for(case.spec, batch, random) if "conditional" in case.capabilities else None
    return Inputs(x, y, keywords)


def noise_of(batch: int, seed: int = 0) -> BatchNoise:
    """Return the noise of rows 0 … batch - 1."""
    return BatchNoise(RandomStreams(seed), "conformance", 0, Rows(0, batch))


def labels_for(spec: SampleSpec, batch: int, random: torch.Generator) -> Tensor:
    """Return labels int64 (batch,), or random conditions (batch, *condition.model_shape)."""
    if spec.condition:
        return spec.condition.kind.random(spec.condition, batch, random)
    return torch.arange(batch) % max(spec.classes, 1)


def outputs(network: nn.Module, given: Inputs, seed: int = 2) -> dict[str, Tensor]:
    """Return all outputs of a network by name, with torch's default generator seeded."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return named(given.into(network))


def named(output: Any) -> dict[str, Tensor]:
    """Return the tensors of a network's output by name."""
    if isinstance(output, DiscriminatorOutput):
        fields = {"logits": output.logits, "class_logits": output.class_logits}
        fields |= {f"features[{index}]": each for index, each in enumerate(output.features)}
        fields |= {f"extra[{name!r}]": each for name, each in output.extra.items()}
        return {name: each for name, each in fields.items() if each is not None}
    return {"outputs": output}


def perturbed(network: nn.Module) -> nn.Module:
    """Add noise to every parameter, a tenth of its size, to break symmetric initial values."""
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            size = parameter.square().mean().sqrt()
            noise = torch.randn(parameter.shape, generator=random)
            parameter.add_(0.1 * noise * torch.where(size > 0, size, 1.0))
    return network


def trained(case: Case) -> nn.Module:
    """Return a network in eval mode, after one forward pass in training mode for its buffers."""
    network: nn.Module = case.make()
    with torch.no_grad():
        outputs(network, inputs(case, network))
    return network.eval()


def coupling(case: Case, *, training: bool) -> str | None:
    """Return how the first row's output changes with the other rows; None if it does not.

    For a D with `batch_multiple`, the first row is the first pack.
    """
    network, found = trained(case).train(training), []
    own = batch_multiple(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for seed in (1, 9):
        first, others = inputs(case, network), inputs(case, network, seed=seed)
        network.load_state_dict(before)
        with torch.no_grad():
            x = torch.cat([first.x[:own], others.x[own:]])
            rows = outputs(network, first._replace(x=x))
        found.append({name: values[: len(values) // BATCH] for name, values in rows.items()})
    return difference(found[0], found[1], ROUNDING)


def log_prob(network: nn.Module, given: Inputs) -> Tensor:
    """Return `log_prob` of G's own samples, for a G that declares ``score-function``."""
    with torch.no_grad():
        x = outputs(network, given)["outputs"]
    method: Any = network.log_prob
    found: Tensor = method(x, given.x, given.y)
    return found
