import torch
from ganzoo_zoo.extractors.pixels import Pixels


def test_images_become_rows_in_the_unit_interval() -> None:
    images = torch.tensor([0.0, 51.0, 255.0, 102.0]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(Pixels()(images), torch.tensor([[0.0, 0.2, 1.0, 0.4]]))


def test_vectors_are_unchanged() -> None:
    points = torch.randn(5, 2)
    assert torch.equal(Pixels()(points), points)
