"""Inputs and numbers that methods are compared with, and networks whose outputs are given."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import Game
from ganzoo.testing import game as game_of

TESTS = Path(__file__).parents[1]
REFERENCE = json.loads((TESTS / "literature" / "reference.json").read_text())
LOSSES = json.loads((TESTS / "zoo" / "losses.json").read_text())


class Identity(nn.Module):
    """Returns its input, whatever the labels are."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x


class Table(nn.Module):
    """Returns the output that is given for an input, and `otherwise` for all other inputs."""

    def __init__(self, *pairs: tuple[Tensor, Any], otherwise: Any = None) -> None:
        super().__init__()
        self.pairs = pairs
        self.otherwise = otherwise

    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        found = [output for known, output in self.pairs if torch.equal(known, x)]
        return found[0] if found else self.otherwise


def numbers(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-5, abs=1e-6)


def logits_game(player: str, **fields: Any) -> Game:
    """Return a game of samples that are their own logits, those of `losses.json`."""
    real, fake = (numbers(LOSSES[f"{side}_logits"]) for side in ("real", "fake"))
    return game_of(player, Identity(), Identity(), real=real, latents=fake, **fields)
