"""Players of several networks, compared with numbers that can be computed by hand."""

import math
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import SampleSpec
from ganzoo.testing import game

METHODS = Path(__file__).parent / "methods"


def method(name: str) -> Any:
    return runpy.run_path(str(METHODS / f"{name}.py"))


class Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


@pytest.mark.parametrize(
    ("to_a", "to_b", "cycle", "identity"),
    [(2.0, 0.5, 0.0, 0.75), (1.0, 1.0, 0.0, 0.0), (-1.0, 1.0, 4.0, 1.0)],
)
def test_cyclegan_terms_are_the_distances_after_a_cycle_and_of_the_identity(
    to_a: float, to_b: float, cycle: float, identity: float
) -> None:
    cyclegan = method("cyclegan")
    generator = cyclegan["Translators"](cyclegan["SPECS"][0])
    generator.F, generator.G = Scale(to_a), Scale(to_b)
    pair = torch.ones(4, 1, 8, 16) * torch.tensor([1.0, -1, 1, -1])[:, None, None, None]
    played = game(
        "generator",
        generator,
        cyclegan["TwoCritics"](cyclegan["SPECS"][0]),
        real=pair,
        latents=torch.zeros(4, 1),
        fake_labels=pair,
    )
    terms = cyclegan["Cycle"]().generator(played)
    assert terms["cycle"].item() == pytest.approx(cycle)
    assert terms["identity"].item() == pytest.approx(identity)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_bigan_terms_are_log_2_for_a_constant_d_and_the_encoder_learns_with_g(
    player: str,
) -> None:
    bigan = method("bigan")
    spec = SampleSpec("image", (1, 4, 4))
    torch.manual_seed(0)
    networks = {
        "generator": bigan["Generator"](spec),
        "discriminator": bigan["Discriminator"](spec),
    }
    last = networks["discriminator"].body[-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    real = torch.rand(4, 1, 4, 4)
    played = game(player, **networks, real=real, latents=torch.randn(4, 8))
    terms = getattr(bigan["Loss"](), player)(played)
    assert [term.item() for term in terms.values()] == pytest.approx([math.log(2)] * 2)
    nn.init.ones_(last.weight)
    played = game(player, **networks, real=real, latents=torch.randn(4, 8))
    sum(getattr(bigan["Loss"](), player)(played).values()).backward()
    encoder = [weight.grad is not None for weight in networks["generator"].E.parameters()]
    assert set(encoder) == {player == "generator"}
