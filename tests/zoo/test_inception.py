"""Inception: facts of the public file, folded batch norms, and which weights are accepted."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ganzoo_zoo.extractors import INCEPTION
from ganzoo_zoo.extractors.inception import Inception
from ganzoo_zoo.extractors.inception_network import Mixed8, Mixed35, Network, average
from torch import Tensor, nn

from ganzoo.errors import DataError
from ganzoo.registry.registry import Registry
from ganzoo.scoring.features import dtype_of

PUBLISHED_PARAMETERS = 27_161_264
PUBLISHED_GIGA_MACS = 5.713
"""Both of torchvision's documentation of ``inception_v3``: 1,000 classes, a head for training."""
TRAINING_HEAD = (128 * 768 + 2 * 128) + (768 * 128 * 25 + 2 * 768) + (1000 * 768 + 1000)
"""Two convolutions with batch norm and a classifier, which no file for FID has."""
EIGHT_MORE_CLASSES = 8 * (2048 + 1)


Outputs = dict[str, tuple[nn.Module, Tensor]]


@pytest.fixture(scope="module")
def outputs() -> Outputs:
    """Every layer with what it puts out for one image, on the meta device."""
    seen: Outputs = {}
    with torch.device("meta"):
        network = Network()
    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(
                lambda layer, given, out, name=name: seen.update({name: (layer, out)})
            )
    seen["fc"] = (
        network.fc,
        network.class_logits(network(torch.zeros(1, 3, 299, 299, device="meta"))),
    )
    return seen


@pytest.fixture(scope="module")
def random(toys: SimpleNamespace, weights: Path) -> Inception:
    return toys.extractor(weights)(weights=weights)


def test_the_file_holds_as_many_parameters_as_the_published_network_without_its_training_head(
    toys: SimpleNamespace,
) -> None:
    learned = {
        name: weight
        for name, weight in toys.random_state().items()
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    }
    count = sum(weight.numel() for weight in learned.values())
    assert count == PUBLISHED_PARAMETERS - TRAINING_HEAD + EIGHT_MORE_CLASSES == 23_850_960
    assert len(learned) == 94 * 3 + 2


def test_the_network_multiplies_as_often_as_the_published_one(outputs: Outputs) -> None:
    count = sum(out.numel() * module.weight[0].numel() for module, out in outputs.values())
    assert count / 1e9 == pytest.approx(PUBLISHED_GIGA_MACS, abs=1e-3)


def test_the_grids_are_those_of_the_paper(outputs: Outputs) -> None:
    names = ("Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d.branch1x1", "Mixed_6e.branch1x1")
    shapes = [tuple(outputs[name][1].shape[1:]) for name in (*names, "Mixed_7c.branch1x1")]
    assert shapes == [(64, 147, 147), (192, 71, 71), (64, 35, 35), (192, 17, 17), (320, 8, 8)]


def test_average_pooling_does_not_count_the_padding() -> None:
    assert torch.equal(average(torch.ones(1, 2, 5, 5)), torch.ones(1, 2, 5, 5))


@pytest.mark.parametrize(
    ("block", "pool"),
    [
        (Mixed35(32, pool=32), average),
        (Mixed8(32), average),
        (Mixed8(32, last=True), nn.MaxPool2d(3, stride=1, padding=1)),
    ],
    ids=["first", "last but one", "last"],
)
def test_only_the_last_block_uses_max_pooling(block: nn.Module, pool: nn.Module) -> None:
    width = block.branch_pool.out_channels
    first = torch.zeros_like(block.branch_pool.weight)
    first[0, 0] = 1
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    block.branch_pool.weight = nn.Parameter(first)
    x = torch.rand(2, 32, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x)[:, -width], pool(x)[:, 0])


def test_the_last_block_is_the_one_before_the_features() -> None:
    with torch.device("meta"):
        network = Network()
    blocks = {name: part.last for name, part in network.named_children() if hasattr(part, "last")}
    assert blocks == {"Mixed_7b": False, "Mixed_7c": True}


def test_folding_changes_features_by_rounding_only(
    toys: SimpleNamespace, weights: Path, random: Inception
) -> None:
    x = toys.images(2, size=107).float()
    reference = toys.unfolded(torch.load(weights, weights_only=True)).double()
    assert toys.relative(random(x), reference(x.double())) < 1e-5


def test_logits_are_products_without_a_bias(
    toys: SimpleNamespace, weights: Path, random: Inception
) -> None:
    features = torch.rand(3, 2048, generator=torch.Generator().manual_seed(0))
    expected = features @ torch.load(weights, weights_only=True)["fc.weight"].T
    assert expected.shape == (3, 1008)
    torch.testing.assert_close(random.class_logits(features), expected)


def test_features_are_what_the_attributes_say(toys: SimpleNamespace, random: Inception) -> None:
    features = random(toys.images(2, size=299).float())
    assert features.shape == (2, random.num_features)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    assert float(features.min()) >= 0
    assert random.weights_sha256 == random.file.sha256
    assert dtype_of(random) == "float32"
    assert not random.training


def test_bfloat16_is_another_dtype_and_near(
    toys: SimpleNamespace, weights: Path, random: Inception
) -> None:
    half = toys.extractor(weights)(weights=weights, dtype="bfloat16")
    x = toys.images(2, size=107).float()
    assert dtype_of(half) == "bfloat16"
    assert half(x).dtype == half.class_logits(half(x)).dtype == torch.float32
    assert 1e-4 < toys.relative(half(x), random(x)) < 2e-2


def test_building_it_draws_no_random_number(toys: SimpleNamespace, weights: Path) -> None:
    before = torch.get_rng_state()
    toys.extractor(weights)(weights=weights)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_missing_file_says_how_to_fetch_it(own_cache: Path) -> None:
    with pytest.raises(
        DataError, match=f"{own_cache / INCEPTION.name} cannot be read: No such"
    ) as raised:
        Inception()
    assert raised.value.hint == "ganzoo fetch inception"


def test_another_file_is_refused_wherever_it_is(weights: Path, own_cache: Path) -> None:
    with pytest.raises(DataError, match=f"its sha256 is .*, not {INCEPTION.sha256}"):
        Inception(weights=weights)
    own_cache.mkdir()
    (own_cache / INCEPTION.name).symlink_to(weights)
    with pytest.raises(DataError, match=f"{INCEPTION.name} is not the expected file"):
        Inception()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        Inception(weights=own_cache)


def test_the_registered_hash_starts_like_the_name_of_the_file() -> None:
    (file,) = Registry().get("extractor", "inception").files
    assert file == INCEPTION
    assert file.sha256.startswith("6726825d")
    assert file.name.endswith("-6726825d.pth")
    assert file.url.endswith(f"/{file.name}")


def test_an_image_is_scaled_as_in_the_graph(random: Inception) -> None:
    seen: list[Tensor] = []
    hook = random.Conv2d_1a_3x3.register_forward_pre_hook(lambda module, given: seen.append(*given))
    for level in (0.0, 128.0, 255.0):
        random(torch.full((1, 3, 75, 75), level))
    hook.remove()
    assert [float(x.unique()) for x in seen] == [-1.0, 0.0, 127 / 128]
