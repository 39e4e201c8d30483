"""Features: the same whatever the batches, the mode and the precision of the caller."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.errors import DataError, PluginError
from ganzoo.scoring.features import dtype_of, features_of, most_at_once, regrouped


def images(n: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (n, 1, 8, 8), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("sizes", [[10], [1] * 10, [3, 4, 3], [0, 9, 0, 1], [7, 3]])
def test_rows_are_regrouped_in_order(sizes: list[int]) -> None:
    parts = list(regrouped(torch.arange(10).split(sizes), 4))
    assert [part.tolist() for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(regrouped([], 4)) == []


def test_features_do_not_depend_on_the_batches_that_samples_come_in(toys: SimpleNamespace) -> None:
    network, stored = toys.Network(), images(20)
    whole = torch.cat(list(features_of([stored], network, toys.GREY, toys.CPU, batch_size=6)))
    parts = torch.cat(
        list(features_of(stored.split(1), network, toys.GREY, toys.CPU, batch_size=6))
    )
    assert torch.equal(whole, parts)
    assert whole.shape == (20, 4)
    flat = toys.Flat()
    list(features_of(stored.split(3), flat, toys.GREY, toys.CPU, batch_size=6))
    assert flat.batches == [6, 6, 6, 2]


def test_large_inputs_come_in_smaller_batches(
    toys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert most_at_once((3, 299, 299)) == 31
    assert most_at_once((3, 32, 32)) > 256
    assert most_at_once((3, 4096, 4096)) == 1
    monkeypatch.setattr("ganzoo.scoring.features.BATCH_NUMBERS", 3 * 64 + 1)
    flat = toys.Flat()
    list(features_of([images(7)], flat, toys.GREY, toys.CPU))
    assert flat.batches == [3, 3, 1]


def test_an_extractor_left_in_training_mode_is_used_in_eval_mode(toys: SimpleNamespace) -> None:
    network = toys.Network()
    expected = torch.cat(list(features_of([images(8)], network.eval(), toys.GREY, toys.CPU)))
    network.train()
    before = network.body[1].running_mean.clone()
    features = torch.cat(list(features_of([images(8)], network, toys.GREY, toys.CPU)))
    assert torch.equal(features, expected)
    assert torch.equal(network.body[1].running_mean, before)


def test_features_are_full_float32_whatever_the_caller_trains_with(toys: SimpleNamespace) -> None:
    seen = []

    class Watching(toys.Network):
        def forward(self, x: Tensor) -> Tensor:
            backends = torch.backends.cuda.matmul, torch.backends.cudnn.conv
            seen.append([backend.fp32_precision for backend in backends])
            return super().forward(x)

    def extract() -> Tensor:
        return torch.cat(list(features_of([images(8)], Watching(), toys.GREY, toys.CPU)))

    expected = extract()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with torch.autocast("cpu", torch.bfloat16):
            features = extract()
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.set_float32_matmul_precision(before)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    assert torch.equal(features, expected)
    assert seen == [["ieee", "ieee"]] * 2


def test_grad_mode_between_two_batches_is_that_of_the_caller(toys: SimpleNamespace) -> None:
    features = features_of(images(8).split(4), toys.Flat(), toys.GREY, toys.CPU, batch_size=4)
    next(features)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_samples_are_taken_one_batch_at_a_time(toys: SimpleNamespace) -> None:
    taken = []

    def endless() -> Iterator[Tensor]:
        while True:
            taken.append(1)
            yield images(4)

    next(features_of(endless(), toys.Flat(), toys.GREY, toys.CPU, batch_size=8))
    assert len(taken) == 2


def test_the_dtype_of_an_extractor_is_that_of_its_weights(toys: SimpleNamespace) -> None:
    assert dtype_of(toys.Network()) == "float32"
    assert dtype_of(toys.Network().to(torch.bfloat16)) == "bfloat16"
    assert dtype_of(toys.Flat()) == "float32"


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (
            torch.zeros(4, 3, 8, 8, dtype=torch.uint8),
            r"uint8 of shape \(3, 8, 8\), but image 1x8x8",
        ),
        (torch.zeros(4, 1, 8, 8), r"samples are float32 of shape \(1, 8, 8\), but image 1x8x8"),
        (torch.zeros(4, 64, dtype=torch.uint8), r"samples are uint8 of shape \(64,\)"),
    ],
)
def test_samples_of_another_form_are_refused(
    toys: SimpleNamespace, stored: Tensor, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        list(features_of([stored], toys.Flat(), toys.GREY, toys.CPU))


@pytest.mark.parametrize("shape", [(4, 3), (3, 2), (4, 2, 1), (4,)])
def test_an_extractor_that_declares_another_number_of_features_is_refused(
    toys: SimpleNamespace, shape: tuple[int, ...]
) -> None:
    class Liar:
        input_shape = None
        num_features = 2

        def __call__(self, x: Tensor) -> Tensor:
            return torch.zeros(shape)

    with pytest.raises(PluginError, match=r"gave features of shape .*, not \(4, 2\)"):
        list(features_of([torch.zeros(4, 6)], Liar(), SampleSpec("vector", (6,)), toys.CPU))
