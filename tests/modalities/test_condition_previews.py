"""Previews of samples beside their conditions and the real ones, for every pair of modalities."""

from dataclasses import replace
from io import BytesIO
from itertools import product
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor

from ganzoo.api import MODALITIES, SampleSpec
from ganzoo.modalities import modality
from ganzoo.nn import decode
from ganzoo.sampling.files import preview_files

SPECS = {
    name: replace(modality(name).specs()[-1], classes=0, condition=None) for name in MODALITIES
}


def stored(spec: SampleSpec, count: int = 5) -> Tensor:
    random = torch.Generator().manual_seed(count)
    return decode(spec, spec.kind.random(spec, count, random))


@pytest.mark.parametrize(("made", "given"), list(product(MODALITIES, repeat=2)))
def test_only_images_of_images_are_in_one_picture(made: str, given: str) -> None:
    condition = SPECS[given]
    spec = replace(SPECS[made], condition=condition)
    samples, real, conditions = stored(spec, 6)[:5], stored(spec), stored(condition)
    together = spec.kind.preview_together(spec, samples, conditions, real)
    assert (together is not None) == (made == given == "image")
    files = preview_files(spec, samples, real, conditions)
    assert files == (together or spec.kind.preview(spec, samples, real))


def pixels(files: Any) -> Tensor:
    """Return the picture of a preview, RGB (H, W, 3)."""
    with PIL.Image.open(BytesIO(files[".png"])) as image:
        return torch.from_numpy(np.array(image))


def test_a_smaller_grey_condition_is_shown_at_the_height_of_the_sample() -> None:
    spec = SampleSpec("image", (3, 32, 40), condition=SampleSpec("image", (1, 8, 6)))
    samples, conditions, real = stored(spec, 1), stored(spec.condition, 1), stored(spec, 2)[1:]
    shown = pixels(spec.kind.preview_together(spec, samples, conditions, real))
    assert shown.shape == (2 + 32 + 2, 2 + 24 + 1 + 40 + 1 + 40 + 2, 3)
    inside = shown[2:-2, 2:-2].permute(2, 0, 1)
    assert torch.equal(inside[:, ::4, :24:4], conditions[0].expand(3, -1, -1))
    assert torch.equal(inside[..., 25:65], samples[0])
    assert torch.equal(inside[..., 66:], real[0])


def test_small_images_are_enlarged_side_by_side_as_they_are_alone() -> None:
    spec = SampleSpec("image", (1, 8, 8), condition=SampleSpec("image", (1, 8, 8)))
    alone = pixels(spec.kind.preview(spec, stored(spec, 1)))
    beside = pixels(
        spec.kind.preview_together(spec, stored(spec, 1), stored(spec, 1), stored(spec, 1))
    )
    assert alone.shape[0] == beside.shape[0]
