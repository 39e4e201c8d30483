"""`outlines`: pairs of an outline and the filled shape."""

import pytest
import torch
from ganzoo_zoo.datasets.outlines import FILLS, GROUND, Outlines

from ganzoo.errors import DataError


def test_an_outline_is_where_the_filled_shape_changes_and_nowhere_else() -> None:
    filled, outline = Outlines("train", length=40).tensors()
    ground = torch.tensor(GROUND * 255).round().byte()[:, None, None]
    shaped = (filled != ground).any(1)  # (N, H, W)
    dark = outline[:, 0] < 128
    for shape, line in zip(shaped, dark, strict=True):
        assert line.any()
        padded = torch.nn.functional.pad(shape[None, None].float(), (2, 2, 2, 2), mode="replicate")
        near = torch.nn.functional.max_pool2d(padded, 5, 1)[0, 0] > 0
        far = -torch.nn.functional.max_pool2d(-padded, 5, 1)[0, 0] > 0
        assert not (line & ~near).any(), "a line far outside of the shape"
        assert not (line & far).any(), "a line far inside of the shape"


def test_a_filled_shape_has_one_of_ten_colours_and_each_class_has_its_own() -> None:
    filled, _ = Outlines("train", length=300, size=32).tensors()
    colours = (torch.tensor(FILLS) * 255).round().byte()
    assert len({tuple(each) for each in colours.tolist()}) == 10
    seen = set()
    for picture in filled:
        pixels = {tuple(each) for each in picture.flatten(1).T.tolist()}
        found = [index for index, each in enumerate(colours.tolist()) if tuple(each) in pixels]
        assert len(found) <= 1
        seen.update(found)
    assert seen == set(range(10))


def test_a_small_picture_is_the_mean_of_4x4_pixels() -> None:
    samples, conditions = Outlines("test", length=5, given="small", size=16).tensors()
    expected = torch.nn.functional.avg_pool2d(samples.double(), 4).round()
    assert torch.equal(conditions.double(), expected)


def test_unpaired_training_pictures_are_of_two_shapes_and_test_pictures_of_one() -> None:
    for split, together in (("train", False), ("test", True)):
        samples, conditions = Outlines(split, length=20, given="unpaired").tensors()
        filled, outlines = Outlines(split, length=20).tensors()
        assert torch.equal(samples, conditions)
        left, right = samples.chunk(2, 3)
        assert torch.equal(left, outlines)
        same = (right == filled).flatten(1).all(1)
        assert bool(same.all()) is together
        assert bool(same.any()) is together


def test_splits_differ_and_an_item_is_a_row_of_all() -> None:
    train, test = Outlines("train", length=9), Outlines("test", length=9)
    samples, conditions = train.tensors()
    assert not torch.equal(samples, test.tensors()[0])
    sample, condition = train[-1]
    assert torch.equal(sample, samples[8])
    assert torch.equal(condition, conditions[8])
    with pytest.raises(IndexError):
        train[9]
    with pytest.raises(DataError, match="no split 'val'; it has train, test"):
        Outlines("val")
    with pytest.raises(ValueError, match="not a multiple of 4"):
        Outlines("train", size=30, given="small")
