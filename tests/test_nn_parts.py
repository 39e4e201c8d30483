"""What ganzoo.nn offers authors of networks: image sizes and labels."""

import pytest
import torch

from ganzoo.api import SampleSpec
from ganzoo.nn import centred, growth, label_classes


@pytest.mark.parametrize(
    ("shape", "doublings", "base", "full"),
    [
        ((8, 8), 1, (4, 4), (8, 8)),
        ((28, 28), 2, (7, 7), (28, 28)),
        ((32, 32), 3, (4, 4), (32, 32)),
        ((48, 48), 3, (6, 6), (48, 48)),
        ((12, 20), 1, (6, 10), (12, 20)),
        ((31, 33), 3, (4, 5), (32, 40)),
        ((1024, 512), 7, (8, 4), (1024, 512)),
    ],
)
def test_an_image_grows_from_a_base_of_4_to_7_pixels(
    shape: tuple[int, int], doublings: int, base: tuple[int, int], full: tuple[int, int]
) -> None:
    assert growth(SampleSpec("image", (3, *shape))) == (doublings, base, full)


def test_the_base_is_smaller_where_more_doublings_are_asked_for() -> None:
    assert growth(SampleSpec("image", (1, 8, 8)), fewest=2) == (2, (2, 2), (8, 8))
    assert growth(SampleSpec("image", (1, 32, 32)), fewest=2).doublings == 3


@pytest.mark.parametrize("height", range(8, 70))
def test_the_grown_image_covers_the_image_and_no_more_than_one_base_pixel_beyond(
    height: int,
) -> None:
    doublings, base, full = growth(SampleSpec("image", (1, height, 300)))
    assert 4 <= min(base) <= 7
    for size, grown in zip((height, 300), full, strict=True):
        assert size <= grown < size + 2**doublings


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (SampleSpec("image", (3, 7, 64)), "at least 8x8 pixels, not 7x64"),
        (SampleSpec("vector", (2,)), "makes images, not vector 2"),
    ],
)
def test_specs_that_no_network_can_grow_to_are_refused(spec: SampleSpec, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        growth(spec)


def test_centred_crops_and_pads_around_the_centre() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert centred(x, (2, 2)).flatten().tolist() == [5, 6, 9, 10]
    assert torch.equal(centred(centred(x, (8, 6)), (4, 4)), x)
    assert torch.equal(centred(centred(x, (7, 9)), (4, 4)), x)
    assert centred(x, (8, 6)).sum() == x.sum()
    assert centred(x, (4, 4)) is x


def test_labels_are_counted_only_for_a_conditional_network() -> None:
    labelled, unlabelled = SampleSpec("vector", (2,), classes=7), SampleSpec("vector", (2,))
    assert label_classes(labelled, True) == 7
    assert label_classes(labelled, False) == label_classes(unlabelled, False) == 0
    with pytest.raises(ValueError, match="vector 2 has no classes"):
        label_classes(unlabelled, True)
