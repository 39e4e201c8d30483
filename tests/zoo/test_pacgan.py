"""PacGAN's networks for points, and the recipes with its published numbers."""

import pytest
import torch
from ganzoo_zoo.networks.pacgan import Discriminator, Generator
from torch import nn

from ganzoo.api import SampleSpec
from ganzoo.recipes import Recipe

POINTS = SampleSpec("vector", (2,), classes=25)


def count(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def test_the_networks_have_the_layers_of_the_authors_code() -> None:
    generator = Generator(POINTS)
    # 4 layers of 400 without biases, a gain and a shift of batch norm each, and a linear output.
    assert count(generator) == 2 * 400 + 3 * 400**2 + 4 * 2 * 400 + (400 * 2 + 2)
    assert [each.bias is None for each in generator.layers if isinstance(each, nn.Linear)] == [
        *[True] * 4,
        False,
    ]
    for m in (1, 2, 4):
        # 3 layers of 200 maxout units with 5 pieces.
        maxout = (2 * m + 1) * 1000 + 2 * (200 + 1) * 1000
        assert count(Discriminator(POINTS, packing=m)) == maxout + 200 + 1


@pytest.mark.parametrize("network", [Generator(POINTS), Discriminator(POINTS)], ids=["G", "D"])
def test_weights_start_with_deviation_two_hundredths_and_biases_at_zero(network: nn.Module) -> None:
    linear = [each for each in network.modules() if isinstance(each, nn.Linear)]
    weights = torch.cat([each.weight.flatten() for each in linear])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert abs(weights.mean().item()) < 2e-4
    assert not any(each.bias.any() for each in linear if each.bias is not None)


def test_a_maxout_unit_is_the_largest_of_its_five_linear_functions() -> None:
    discriminator = Discriminator(POINTS, width=1, depth=1)
    slopes = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
    with torch.no_grad():
        discriminator.hidden[0].weight.copy_(torch.stack([slopes, torch.zeros(5)], 1))
        discriminator.hidden[0].bias.copy_(-slopes.square() / 4)  # tangents of x^2
        discriminator.logit.weight.fill_(1)
    x = torch.tensor([[0.0, 9.0], [0.4, 9.0], [-0.6, 9.0], [1.0, 9.0], [3.0, 9.0]])
    expected = (slopes * x[:, :1] - slopes.square() / 4).max(1).values
    torch.testing.assert_close(discriminator(x), expected)


def test_a_pack_of_consecutive_points_has_one_logit() -> None:
    discriminator = Discriminator(POINTS, packing=2)
    for weight in discriminator.parameters():
        nn.init.normal_(weight, 0, 0.1)
    x = torch.randn(6, 2)
    logits = discriminator(x)
    assert logits.shape == (3,)
    assert discriminator.batch_multiple == 2
    torch.testing.assert_close(discriminator(x[2:4]), logits[1:2])
    assert not torch.isclose(discriminator(x[[3, 2]]), logits[1:2])  # the order matters


# arXiv:1712.04086, table 1: mean and standard error over 10 trials of the modes covered.
TABLE_1 = {
    "ring-gan": (6.3, 0.5),
    "ring-pacgan2": (7.9, 0.1),
    "ring-pacgan4": (7.8, 0.1),
    "grid-gan": (17.3, 0.8),
    "grid-pacgan2": (23.8, 0.7),
    "grid-pacgan4": (24.8, 0.2),
}


@pytest.mark.parametrize("name", TABLE_1)
def test_the_recipes_have_the_papers_settings_and_numbers(name: str) -> None:
    settings = Recipe.load(f"pacgan-{name}").settings
    published, train = settings.published, settings.train
    assert published is not None
    assert (published.value, published.standard_error) == TABLE_1[name]
    assert (published.trials, published.n_fake) == (10, 2500)
    m = settings.discriminator.parameters["packing"]
    assert name.endswith("-gan" if m == 1 else f"pacgan{m}")
    assert (train.steps, train.batch_size) == (400 * 1000, 100 * m)
    adam = settings.optimizers.generator.parameters
    assert (adam["lr"], adam["betas"]) == (1e-4, [0.8, 0.999])
    data = settings.dataset.parameters
    assert data["length"] == 100_000
    expected = ("ring", 1.0, 0.01) if "ring" in name else ("grid", 4.0, 0.05)
    assert (data["layout"], data["extent"], data["sd"]) == expected
