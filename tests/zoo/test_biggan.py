"""Attention, norms, chunks of z, standing statistics and truncated z of SAGAN and BigGAN."""

import json
from itertools import count
from pathlib import Path

import pytest
import torch
from ganzoo_zoo.blocks.attention import SelfAttention
from ganzoo_zoo.blocks.class_norm import LinearBatchNorm2d, use_standing_statistics
from ganzoo_zoo.latents.truncated import Truncated
from ganzoo_zoo.networks import biggan, biggan_deep, sagan
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganzoo.api import SampleSpec, SamplingInputs

REFERENCE = json.loads((Path(__file__).parent / "heads.json").read_text())
SMALL = SampleSpec("image", (3, 16, 16), classes=4)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_fresh_attention_is_the_identity() -> None:
    x = torch.randn(2, 16, 6, 8)
    assert torch.equal(SelfAttention(16)(x), x)


def test_attention_is_the_softmax_over_pooled_keys_without_a_scale() -> None:
    layer, x = SelfAttention(16), torch.randn(2, 16, 4, 6)
    nn.init.constant_(layer.gamma, 0.7)
    queries, keys, values = layer.theta(x), layer.phi(x), layer.g(x)
    pooled = [each.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5)) for each in (keys, values)]
    expected = torch.empty(2, 8, 4, 6)
    for row in range(4):
        for column in range(6):
            scores = (queries[:, :, row, column, None, None] * pooled[0]).sum(1)  # (B, 2, 3)
            weights = scores.flatten(1).softmax(1).view_as(scores)
            expected[:, :, row, column] = (weights[:, None] * pooled[1]).sum((2, 3))
    torch.testing.assert_close(layer(x), x + 0.7 * layer.o(expected), atol=1e-5, rtol=1e-5)


def test_attention_is_where_the_recipe_asks_for_it_and_nowhere_at_0() -> None:
    spec = SampleSpec("image", (3, 32, 32))
    channels = []
    for size in (8, 16, 32, None, 0):
        network = sagan.Generator(spec, width=8, max_width=32, attention=size)
        found = [each for each in network.modules() if isinstance(each, SelfAttention)]
        channels.append(found[0].o.out_channels if found else 0)
    assert channels == [32, 16, 8, 16, 0]


@pytest.mark.parametrize("module", [sagan, biggan, biggan_deep])
def test_attention_at_a_size_that_no_block_ends_at_is_refused(module: type) -> None:
    with pytest.raises(ValueError, match="no block ends at 12 pixels; they end at 8, 16"):
        module.Generator(SMALL, width=8, attention=12)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="no block ends at 12 pixels; they end at 8"):
        module.Discriminator(SMALL, width=8, attention=12)  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [biggan, biggan_deep])
def test_images_larger_than_the_architecture_was_made_for_are_refused(module: type) -> None:
    spec = SampleSpec("image", (3, 512, 512))
    for network in ("Generator", "Discriminator"):
        with pytest.raises(ValueError, match="up to 511 pixels"):
            getattr(module, network)(spec, width=1)


def test_where_its_linear_layers_are_zero_the_norm_of_biggan_is_batch_norm() -> None:
    layer = LinearBatchNorm2d(3, condition=5)
    x, condition = torch.randn(4, 3, 6, 6), torch.randn(4, 5)
    nn.init.zeros_(layer.gain.weight)
    nn.init.zeros_(layer.shift.weight)
    torch.testing.assert_close(layer(x, condition), nn.BatchNorm2d(3, eps=1e-4)(x))


def test_z_is_split_into_one_chunk_for_the_base_and_one_for_each_block() -> None:
    generator = biggan.Generator(SMALL, width=4, latent_chunk=3, class_dim=5, conditional=True)
    assert generator.latent_dim == 9
    seen: list[Tensor] = []
    for block in generator.blocks:
        block.norm1.register_forward_hook(lambda _, inputs, __: seen.append(inputs[1]))
    z, y = torch.randn(2, 9), torch.tensor([3, 1])
    generator(z, y)
    label = generator.embedding(y)
    torch.testing.assert_close(seen[0], torch.cat([label, z[:, 3:6]], 1))
    torch.testing.assert_close(seen[1], torch.cat([label, z[:, 6:9]], 1))


def test_the_shortcut_of_a_deep_block_passes_the_first_channels_on() -> None:
    block = biggan_deep.UpBlock(8, 4, condition=2, shortcut="channels", double=True)
    nn.init.zeros_(block.convolutions[3].weight)
    nn.init.zeros_(block.convolutions[3].bias)
    x = torch.randn(2, 8, 3, 3)
    expected = interpolate(x[:, :4], scale_factor=2, mode="nearest")
    torch.testing.assert_close(block(x, torch.randn(2, 2)), expected)

    down = biggan_deep.DownBlock(4, 6, "channels", halve=True)
    nn.init.zeros_(down.convolutions[3].weight)
    nn.init.zeros_(down.convolutions[3].bias)
    x = torch.randn(2, 4, 4, 4)
    pooled = nn.functional.avg_pool2d(x, 2)
    torch.testing.assert_close(down(x)[:, :4], pooled)
    torch.testing.assert_close(down(x)[:, 4:], down.shortcut(pooled))


def test_the_shortcut_of_a_deep_block_carries_x_and_not_relu_of_x() -> None:
    block = biggan_deep.DownBlock(4, 4, "channels", halve=False)
    nn.init.zeros_(block.convolutions[3].weight)
    nn.init.zeros_(block.convolutions[3].bias)
    x = torch.randn(2, 4, 3, 3)
    torch.testing.assert_close(block(x.clone()), x)


def test_standing_statistics_are_the_plain_mean_over_batches() -> None:
    norm = nn.BatchNorm2d(1)
    batches = iter(torch.tensor(REFERENCE["batch_norm"]["in"]).view(2, 4, 1, 1, 1))
    network = nn.Sequential(norm).eval()
    network.forward = lambda z, y: norm(z)  # type: ignore[method-assign, assignment]
    use_standing_statistics(
        network, lambda size: SamplingInputs(next(batches), None, None), batches=2
    )
    mean, variance = REFERENCE["batch_norm"]["standing: plain average, momentum None, unbiased"]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.running_mean.item() == pytest.approx(mean)
    assert norm.running_var.item() == pytest.approx(variance)
    assert (norm.momentum, norm.training) == (0.1, False)


@pytest.mark.parametrize("module", [biggan, biggan_deep])
def test_sampling_is_prepared_from_the_given_batches_and_changes_nothing_else(module: type) -> None:
    def prepared(batches: int) -> dict[str, Tensor]:
        torch.manual_seed(0)
        generator = module.Generator(SMALL, width=4, standing_batches=batches)  # type: ignore[attr-defined]
        generator.eval()
        numbers = count()

        def draw(size: int) -> SamplingInputs:
            random = torch.Generator().manual_seed(next(numbers))
            z = torch.randn(size, generator.latent_dim, generator=random)
            return SamplingInputs(z, None, None)  # type: ignore[arg-type]

        with torch.no_grad():
            generator.prepare_sampling(draw)
        assert not any(each.training for each in generator.modules())
        return dict(generator.state_dict())

    before, after = prepared(0), prepared(2)
    changed = {name.rsplit(".", 1)[1] for name in before if not before[name].equal(after[name])}
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}


@pytest.mark.parametrize("threshold", ["0.04", "0.5", "1.0", "2.0"])
def test_truncated_numbers_have_the_deviation_of_redrawn_ones_and_stay_inside(
    threshold: str,
) -> None:
    z = Truncated(20, threshold=float(threshold)).sample(5000, torch.Generator().manual_seed(0))
    expected = REFERENCE["latents"]["std of N(0,1) resampled into [-t,t]"][threshold]
    assert z.std().item() == pytest.approx(expected, rel=0.01)
    assert z.mean().item() == pytest.approx(0, abs=0.02 * expected)
    assert z.abs().max() <= float(threshold)
