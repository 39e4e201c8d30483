"""Path length regularization against closed forms, on a generator that is linear in w."""

from typing import Any

import pytest
import torch
from ganzoo_zoo.regularizers.path_length import PathLength
from torch import Tensor, nn

from ganzoo.api import Game
from ganzoo.testing import game

B, LAYERS, DIM = 6, 4, 5
SHAPE = (1, 2, 3)


class LinearInStyles(nn.Module):
    """G(w) = A times the sum, or the mean, of w over its layers."""

    capabilities = frozenset({"styles"})
    latent_dim = DIM

    def __init__(self, mean: bool = False, layers: int = LAYERS) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.randn(6, DIM))
        self.mean, self.layers = mean, layers

    def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return z[:, None].expand(-1, self.layers, -1)

    def from_styles(self, w: Tensor, *, noise: Any = None) -> Tensor:
        w = w.mean(1) if self.mean else w.sum(1)
        return (w @ self.A.T).view(-1, *SHAPE)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.from_styles(self.styles(z))


class Sum(nn.Module):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x.flatten(1).sum(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def game_of(network: nn.Module, seed: int = 0, rows: int = B) -> Game:
    x, z = torch.zeros(rows, *SHAPE), torch.zeros(rows, DIM)
    return game("generator", network, Sum(), real=x, latents=z, seed=seed)


def lengths(network: LinearInStyles, update: Game) -> Tensor:
    """Return |A^T y|: J of a linear map is A, the same in each layer."""
    y = update.normal("path-length", *SHAPE).flatten(1) / 6**0.5
    return (y @ network.A).norm(dim=1).detach()


@pytest.mark.parametrize("mean", [False, True])
def test_the_first_penalty_is_that_of_the_lengths_from_a_hundredth_of_their_mean(
    mean: bool,
) -> None:
    network, regularizer = LinearInStyles(mean), PathLength()
    update = game_of(network)
    term = regularizer.generator(update)["path_length"]
    regularizer.after_step(update)
    expected = lengths(network, update) / (LAYERS if mean else 1)
    a = 0.01 * expected.mean()
    torch.testing.assert_close(regularizer.a, a)
    torch.testing.assert_close(term.detach(), (expected - a).square().mean())


def test_the_length_does_not_depend_on_the_number_of_layers() -> None:
    few, many = LinearInStyles(layers=2), LinearInStyles(layers=9)
    many.load_state_dict(few.state_dict())
    terms = [PathLength().generator(game_of(each))["path_length"] for each in (few, many)]
    torch.testing.assert_close(*terms)


def test_the_expected_squared_length_is_the_squared_norm_of_j_over_the_pixels() -> None:
    network = LinearInStyles()
    term = PathLength(decay=1.0).generator(game_of(network, rows=20_000))["path_length"]
    assert term.item() == pytest.approx((network.A.square().sum() / 6).item(), rel=0.03)


def test_the_gradient_reaches_g_and_includes_the_share_of_this_update_in_the_mean() -> None:
    network = LinearInStyles()
    update = game_of(network)
    term = PathLength().generator(update)["path_length"]
    (found,) = torch.autograd.grad(term, network.A)
    y = update.normal("path-length", *SHAPE).flatten(1) / 6**0.5
    length = (y @ network.A).norm(dim=1)
    (expected,) = torch.autograd.grad((length - 0.01 * length.mean()).square().mean(), network.A)
    torch.testing.assert_close(found, expected)


def test_micro_batches_update_the_mean_once_by_the_mean_of_all() -> None:
    network, regularizer = LinearInStyles(), PathLength()
    parts = [game_of(network, seed) for seed in (1, 2, 3)]
    for part in parts:
        regularizer.generator(part)
    regularizer.after_step(parts[-1])
    mean = torch.cat([lengths(network, part) for part in parts]).mean()
    torch.testing.assert_close(regularizer.a, 0.01 * mean)
    regularizer.generator(parts[0])
    regularizer.after_step(parts[0])
    again = lengths(network, parts[0]).mean()
    torch.testing.assert_close(regularizer.a, 0.99 * 0.01 * mean + 0.01 * again)


def test_a_discriminator_update_changes_no_state() -> None:
    network, regularizer = LinearInStyles(), PathLength()
    update = game_of(network)
    regularizer.generator(update)
    regularizer.after_step(update)
    before = regularizer.a.clone()
    x, z = torch.zeros(B, *SHAPE), torch.zeros(B, DIM)
    regularizer.after_step(game("discriminator", network, Sum(), real=x, latents=z))
    assert torch.equal(regularizer.a, before)


def test_some_samples_have_a_second_style_from_a_layer_on() -> None:
    network = LinearInStyles()
    update = game_of(network, rows=2000)
    w = PathLength(style_mixing=0.6).styles(update)
    first, second = update.latent("path-length"), update.latent("path-length second")
    is_second = (w == second[:, None]).all(2)
    assert torch.equal(torch.where(is_second[..., None], second[:, None], first[:, None]), w)
    shares = torch.bincount(is_second.sum(1), minlength=LAYERS) / 2000
    torch.testing.assert_close(shares, torch.tensor([0.4, 0.2, 0.2, 0.2]), atol=0.04, rtol=0)
