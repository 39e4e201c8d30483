"""The floor assumes Gaussian features; this compares it with features of real pictures."""

import pytest
import torch
from ganzoo_zoo.datasets.digits import Digits
from ganzoo_zoo.datasets.shapes import Shapes
from ganzoo_zoo.extractors.toy_cnn import ToyCNN, to_input
from torch import Tensor

from ganzoo.nn import Moments, frechet_distance
from ganzoo.scoring.score_statistics import expected_score_of_real


def digits() -> Tensor:
    return torch.cat([Digits(split).tensors()[0] for split in ("train", "test")])


def shapes() -> Tensor:
    return Shapes("train", length=1200).tensors()[0]


@pytest.mark.parametrize(("pictures", "tolerance"), [(digits(), 0.1), (shapes(), 0.25)])
def test_random_halves_of_real_pictures_score_about_the_floor(
    pictures: Tensor, tolerance: float
) -> None:
    features = ToyCNN()(to_input(pictures))
    half = len(features) // 2

    def distance(seed: int) -> float:
        order = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))
        one, other = features[order[:half]], features[order[half:]]
        return frechet_distance(Moments.of(one), Moments.of(other))

    mean = sum(map(distance, range(40))) / 40
    law = Moments.of(features)
    floor = expected_score_of_real(Moments(law.mean, law.covariance, half), half)
    assert floor == pytest.approx(mean, rel=tolerance)
