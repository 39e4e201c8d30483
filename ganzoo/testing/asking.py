"""Asking a network under test: what it is given, and what it says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganzoo.api import DiscriminatorOutput, SampleSpec
from ganzoo.testing.comparing import difference
from ganzoo.testing.component import Case

BATCH = 4
ROUNDING = 1e-4

Inputs = tuple[Tensor, Tensor | None]


def inputs(case: Case, network: nn.Module, batch: int = BATCH, seed: int = 1) -> Inputs:
    """Return latents or samples, and labels where the network is conditional: always the same."""
    random = torch.Generator().manual_seed(seed)
    if case.component.kind == "generator":
        latent_dim: Any = network.latent_dim
        x = torch.randn(batch, latent_dim, generator=random)
    else:
        x = samples(case.spec, batch, random)
    if "conditional" not in case.capabilities:
        return x, None
    return x, torch.arange(batch) % max(case.spec.classes, 1)


def samples(spec: SampleSpec, count: int, random: torch.Generator) -> Tensor:
    """Return random samples in model form, (count, *model_shape)."""
    if spec.modality == "text":
        assert spec.vocabulary is not None
        tokens = torch.randint(spec.vocabulary, (count, *spec.shape), generator=random)
        return one_hot(tokens, spec.vocabulary).float()
    if spec.modality == "vector":
        return torch.randn(count, *spec.model_shape, generator=random)
    return torch.rand(count, *spec.model_shape, generator=random) * 2 - 1


def answers(network: nn.Module, given: Inputs, seed: int = 2) -> dict[str, Tensor]:
    """Return everything that a network returns, by name; what it draws is drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return named(network(*given))


def named(output: Any) -> dict[str, Tensor]:
    """Return the tensors of a network's output by name."""
    if isinstance(output, DiscriminatorOutput):
        fields = {"logits": output.logits, "class_logits": output.class_logits}
        fields |= {f"features[{index}]": each for index, each in enumerate(output.features)}
        fields |= {f"extra[{name!r}]": each for name, each in output.extra.items()}
        return {name: each for name, each in fields.items() if each is not None}
    return {"outputs": output}


def perturbed(network: nn.Module, seed: int = 3) -> nn.Module:
    """Move every parameter by a tenth of its size, off whatever symmetry it started from."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            size = parameter.square().mean().sqrt()
            noise = torch.randn(parameter.shape, generator=random)
            parameter.add_(0.1 * noise * torch.where(size > 0, size, 1.0))
    return network


def trained(case: Case, seed: int = 0) -> nn.Module:
    """Return a network whose buffers have seen one batch in training mode, in eval mode."""
    network: nn.Module = case.make(seed=seed)
    with torch.no_grad():
        answers(network, inputs(case, network))
    return network.eval()


def touched(case: Case, *, training: bool) -> str | None:
    """Return how the first row changes when all other rows do; None where it does not."""
    network, found = trained(case).train(training), []
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for seed in (1, 9):
        (first, y), (others, _) = inputs(case, network), inputs(case, network, seed=seed)
        network.load_state_dict(before)
        with torch.no_grad():
            rows = answers(network, (torch.cat([first[:1], others[1:]]), y))
        found.append({name: values[:1] for name, values in rows.items()})
    return difference(found[0], found[1], ROUNDING)
