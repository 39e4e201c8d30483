"""Projected GAN's discriminator: counts of the authors' code, what is frozen, what gradients reach.

Counts: autonomousvision/projected-gan at e1c246b, for the features of EfficientNet-lite0.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ganzoo_zoo.networks import projected
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec

EFFICIENTNET = (24, 40, 112, 320)
# side of the image → multiply-accumulates of the random layers, of dense heads, of separable ones
MACS = {
    224: (150_929_408, 1_130_889_216, 298_469_376),
    256: (197_132_288, 1_477_214_208, 389_971_968),
}
LOGITS = {224: 64, 256: 100}


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def heads(separable: bool) -> nn.ModuleList:
    inputs = (64, 64, 128, 256)
    return nn.ModuleList(
        projected.head(each, 4 - level, 1.0, separable) for level, each in enumerate(inputs)
    )


@pytest.mark.parametrize("size", MACS)
def test_the_random_layers_and_the_heads_have_the_published_counts(size: int) -> None:
    with torch.device("meta"):
        projections = projected.Projections(EFFICIENTNET, 64)
        dense, separable = heads(False), heads(True)
        given = [
            torch.zeros(2, channels, size // step, size // step)
            for channels, step in zip(EFFICIENTNET, (4, 8, 16, 32), strict=True)
        ]
        with FlopCounterMode(display=False) as counter:
            maps = projections(given)
        counts = [counter.get_total_flops() / 4]
        for each in (dense, separable):
            with FlopCounterMode(display=False) as counter:
                logits = [head(h).flatten(1) for head, h in zip(each, maps, strict=True)]
            counts.append(counter.get_total_flops() / 4)
            assert sum(part.shape[1] for part in logits) == LOGITS[size]
    assert tuple(counts) == MACS[size]
    assert parameters(projections) == 376_768
    assert parameters(dense) == 10_331_328
    assert parameters(separable) == 696_512
    channels = [(64, 112), (64, 56), (128, 28), (256, 14)] if size == 224 else None
    if channels:
        assert [(h.shape[1], h.shape[2]) for h in maps] == channels


@pytest.mark.parametrize("extractor", ["toy-cnn", "random"])
def test_the_network_and_the_projections_are_frozen_and_gradients_reach_the_image(
    extractor: str,
) -> None:
    torch.manual_seed(0)
    network = projected.Discriminator(
        SampleSpec("image", (3, 32, 32)),
        extractor=extractor,  # type: ignore[arg-type]
        width=8,
    )
    network.train()
    assert not network.network.training
    for part, trains in (
        (network.network, False),
        (network.projections, False),
        (network.heads, True),
    ):
        assert {p.requires_grad for p in part.parameters()} == {trains}
    x = torch.randn(2, 3, 32, 32, requires_grad=True)
    before = [p.clone() for p in network.projections.parameters()]
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(x).logits.sum().backward()
    optimizer.step()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    for one, other in zip(before, network.projections.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_deepest_map_reaches_the_first_head_and_the_first_map_no_deeper_head() -> None:
    torch.manual_seed(0)
    projections = projected.Projections((4, 4, 4, 4), 4)
    maps = [torch.randn(1, 4, 2**side, 2**side) for side in (5, 4, 3, 2)]
    before = projections(maps)
    assert [h.shape[2] for h in before] == [64, 32, 16, 8]
    changed = projections([*maps[:3], maps[3] + 1])
    assert all(not torch.equal(a, b) for a, b in zip(before, changed, strict=True))
    changed = projections([maps[0] + 1, *maps[1:]])
    same = [torch.equal(a, b) for a, b in zip(before, changed, strict=True)]
    assert same == [False, True, True, True]


def test_toy_cnn_sees_the_image_resized_to_its_own_size() -> None:
    maps = projected.ToyMaps()
    x = torch.rand(2, 1, 64, 64) * 2 - 1
    small = nn.functional.interpolate(x, (32, 32), mode="bilinear")
    levels: Tensor = (small.expand(-1, 3, -1, -1) + 1) * 127.5
    network = projected.ToyCNN()
    with torch.no_grad():
        expected = network.convolutions[0](levels / 127.5 - 1).relu()
        torch.testing.assert_close(maps(x)[0], expected, atol=1e-5, rtol=1e-5)


def test_inception_sees_the_levels_of_images_of_its_own_size(
    toys: SimpleNamespace, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projected, "Inception", toys.extractor(weights))
    network = projected.Discriminator(
        SampleSpec("image", (1, 16, 16)), extractor="inception", path=weights, width=8
    )
    x = torch.randn(2, 1, 16, 16, requires_grad=True)
    maps = network.network(x)
    assert [tuple(h.shape[1:]) for h in maps] == [
        (192, 71, 71), (288, 35, 35), (768, 17, 17), (2048, 8, 8)
    ]  # fmt: skip
    large = nn.functional.interpolate(x, (299, 299), mode="bilinear").expand(-1, 3, -1, -1)
    features = network.network.extractor(127.5 * (large + 1))
    torch.testing.assert_close(maps[-1].mean((2, 3)), features)
    network(x).logits.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert not any(each.requires_grad for each in network.network.parameters())


def test_a_path_is_asked_for_and_refused_where_there_is_one_set_of_weights() -> None:
    spec = SampleSpec("image", (3, 32, 32))
    for name in ("dinov2", "clip"):
        with pytest.raises(ValueError, match=f"{name} needs a path: the folder"):
            projected.Discriminator(spec, extractor=name)  # type: ignore[arg-type]
    for name in ("toy-cnn", "random"):
        with pytest.raises(ValueError, match=f"{name} has one set of weights"):
            projected.Discriminator(spec, extractor=name, path=Path("a"))  # type: ignore[arg-type]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="grey or RGB"):
        projected.Discriminator(SampleSpec("image", (2, 32, 32)))
    with pytest.raises(ValueError, match="at least 16x16"):
        projected.Discriminator(SampleSpec("image", (3, 8, 8)), extractor="random")
