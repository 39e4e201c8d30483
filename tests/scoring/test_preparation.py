"""Preparation: our own resize equals PIL's, and its words say what was done."""

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.errors import DataError
from ganzoo.scoring.features import input_rule, prepare

IMAGE = SampleSpec("image", (3, 8, 8))


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("size", [(32, 32), (5, 7), (299, 299), (8, 20)])
def test_the_resize_is_that_of_pil_on_float_channels_clamped(size: tuple[int, int]) -> None:
    stored = images(2, 3, 8, 12)
    resized = prepare(stored, (3, *size), IMAGE)
    assert resized.shape == (2, 3, *size)
    for sample, expected in zip(resized.flatten(0, 1), stored.flatten(0, 1).float(), strict=True):
        picture = Image.fromarray(expected.numpy()).resize(size[::-1], Image.Resampling.BICUBIC)
        numpy.testing.assert_allclose(sample, numpy.asarray(picture).clip(0, 255), atol=2e-3)


def test_images_of_the_right_form_keep_their_values() -> None:
    stored = images(2, 3, 8, 8)
    prepared = prepare(stored, (3, 8, 8), IMAGE)
    assert prepared.dtype == torch.float32
    assert torch.equal(prepared, stored.float())
    assert torch.equal(prepare(stored, None, IMAGE), stored.float())


def test_grey_images_become_three_equal_channels() -> None:
    prepared = prepare(images(2, 1, 8, 8), (3, 16, 16), IMAGE)
    assert prepared.shape == (2, 3, 16, 16)
    assert torch.equal(prepared[:, 0], prepared[:, 1])
    assert torch.equal(prepared[:, 0], prepared[:, 2])
    assert torch.equal(prepared[:, :1], prepare(images(2, 1, 8, 8), (1, 16, 16), IMAGE))


def test_one_sample_is_prepared_like_many() -> None:
    stored = images(3, 1, 8, 8)
    alone = torch.cat([prepare(part, (3, 20, 20), IMAGE) for part in stored.split(1)])
    torch.testing.assert_close(alone, prepare(stored, (3, 20, 20), IMAGE))


@pytest.mark.parametrize(
    ("spec", "input_shape", "said"),
    [
        (SampleSpec("image", (3, 8, 8)), (1, 8, 8), "takes images of 1 channels, not 3"),
        (SampleSpec("image", (4, 8, 8)), (3, 8, 8), "takes images of 3 channels, not 4"),
        (SampleSpec("image", (1, 8, 8)), (4, 8, 8), "takes images of 4 channels, not 1"),
        (SampleSpec("image", (1, 8, 8)), (64,), r"shape \(64,\), not \(1, 8, 8\)"),
        (SampleSpec("vector", (2,)), (3,), r"shape \(3,\), not \(2,\)"),
        (
            SampleSpec("video", (4, 3, 8, 8)),
            (4, 3, 16, 16),
            r"\(4, 3, 16, 16\), not \(4, 3, 8, 8\)",
        ),
    ],
)
def test_forms_that_no_rule_joins_are_refused_in_one_line(
    spec: SampleSpec, input_shape: tuple[int, ...], said: str
) -> None:
    stored = torch.zeros(2, *spec.shape, dtype=getattr(torch, spec.stored_dtype))
    with pytest.raises(DataError, match=said) as caught:
        prepare(stored, input_shape, spec)
    with pytest.raises(DataError, match=said):
        input_rule(spec, input_shape)
    assert "\n" not in str(caught.value)


def test_samples_that_are_not_finite_are_refused() -> None:
    stored = torch.tensor([[1.0, float("nan")]])
    with pytest.raises(DataError, match="not finite"):
        prepare(stored, None, SampleSpec("vector", (2,)))


@pytest.mark.parametrize(
    ("spec", "input_shape", "words"),
    [
        (
            SampleSpec("image", (1, 8, 8)),
            (3, 32, 32),
            "clamp and round to uint8; grey->rgb; bicubic antialias 8x8->32x32, clamped; "
            "float32 in [0, 255]",
        ),
        (
            SampleSpec("image", (3, 12, 20)),
            (3, 32, 32),
            "clamp and round to uint8; bicubic antialias 12x20->32x32, clamped; "
            "float32 in [0, 255]",
        ),
        (
            SampleSpec("image", (3, 32, 32)),
            (3, 32, 32),
            "clamp and round to uint8; float32 in [0, 255]",
        ),
        (SampleSpec("image", (3, 32, 32)), None, "clamp and round to uint8; as stored"),
        (SampleSpec("vector", (2,)), None, "as stored"),
        (SampleSpec("audio", (1, 16000)), (1, 16000), "float32"),
    ],
)
def test_the_words_of_the_protocol_say_what_is_done(
    spec: SampleSpec, input_shape: tuple[int, ...] | None, words: str
) -> None:
    assert input_rule(spec, input_shape) == words
