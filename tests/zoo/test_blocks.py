"""Blocks that networks share: conditional batch norm, projection, spectral norm."""

import pytest
import torch
from ganzoo_zoo.blocks.labels import ConditionalBatchNorm2d, Projection
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm
from torch import nn
from torch.nn.utils import parametrize


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_conditional_batch_norm_is_batch_norm_with_the_gain_and_shift_of_the_label() -> None:
    layer = ConditionalBatchNorm2d(3, classes=2)
    x, y = 5 * torch.randn(4, 3, 6, 6) + 1, torch.tensor([0, 1, 1, 0])
    assert layer.rows is not None
    nn.init.normal_(layer.rows.weight)
    gain, shift = layer.rows.weight[y].reshape(4, 2, 3, 1, 1).unbind(1)
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = x.var((0, 2, 3), keepdim=True, correction=0)
    torch.testing.assert_close(
        layer(x, y), gain * (x - mean) / (variance + 1e-5).sqrt() + shift, atol=1e-5, rtol=1e-5
    )


def test_a_fresh_conditional_batch_norm_has_gains_about_1_and_no_shift() -> None:
    rows = ConditionalBatchNorm2d(500, classes=10).rows
    assert rows is not None
    assert rows.weight[:, :500].mean().item() == pytest.approx(1, abs=0.002)
    assert rows.weight[:, :500].std().item() == pytest.approx(0.02, rel=0.05)
    assert not rows.weight[:, 500:].any()


def test_without_classes_it_is_the_plain_batch_norm() -> None:
    x = torch.randn(4, 3, 6, 6)
    torch.testing.assert_close(ConditionalBatchNorm2d(3)(x), nn.BatchNorm2d(3)(x))


def test_projection_is_the_inner_product_with_the_row_of_the_label() -> None:
    projection = Projection(3, 5)
    features, y = torch.randn(4, 5), torch.tensor([2, 0, 1, 2])
    expected = torch.stack([projection.weight[c] @ f for c, f in zip(y, features, strict=True)])
    torch.testing.assert_close(projection(features, y), expected)


def test_spectral_norm_brings_the_largest_singular_value_of_every_weight_to_1() -> None:
    layers = nn.ModuleList(
        [
            nn.Conv2d(3, 8, 3),
            nn.ConvTranspose2d(6, 4, 4),
            nn.Linear(5, 9),
            Projection(4, 7),
            ConditionalBatchNorm2d(3, classes=2),
        ]
    )
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.mul_(10)
    add_spectral_norm(layers)
    assert [parametrize.is_parametrized(layer) for layer in layers] == [True] * 4 + [False]
    for _ in range(100):
        weights = [layer.weight for layer in layers[:4]]
    weights[1] = weights[1].transpose(0, 1)
    for weight in weights:
        largest = torch.linalg.matrix_norm(weight.flatten(1), 2).item()
        assert largest == pytest.approx(1, abs=1e-3)


def test_spectral_norm_holds_at_once_in_evaluation_mode() -> None:
    layer = nn.Linear(64, 64)
    nn.init.constant_(layer.weight, 100)
    add_spectral_norm(layer)
    layer.eval()
    assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, abs=1e-3)
    assert torch.equal(layer.weight, layer.weight)
