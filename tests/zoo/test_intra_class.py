import pytest
import torch
from ganzoo_zoo.metrics.intra_class import IntraClass
from torch import Tensor

from ganzoo.api import DataError, Evaluated


def side(features: Tensor, labels: Tensor | None) -> Evaluated:
    return Evaluated(features, samples=features, labels=labels)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


LABELS = torch.arange(120) % 3
REAL = normal(120, 4, seed=0) + LABELS[:, None]


def test_a_class_that_is_moved_is_at_the_square_of_its_shift() -> None:
    moved = REAL + 2.0 * (LABELS == 1)[:, None]
    numbers = IntraClass()(side(REAL, LABELS), side(moved, LABELS))
    assert numbers["intra_class_fd_worst"] == pytest.approx(16, rel=1e-6)
    assert numbers["intra_class_fd"] == pytest.approx(16 / 3, rel=1e-6)


def test_classes_that_change_places_are_seen() -> None:
    numbers = IntraClass()(side(REAL, LABELS), side(REAL, (LABELS + 1) % 3))
    assert numbers["intra_class_fd"] > 4


@pytest.mark.parametrize(
    ("real", "fake", "said"),
    [
        (None, LABELS, "the reference has none"),
        (LABELS, None, "the samples have none: the recipe is not conditional"),
        (LABELS, LABELS.clamp(max=1), "the class 2 has fewer on one of them"),
    ],
)
def test_missing_inputs_are_named_in_the_error(
    real: Tensor | None, fake: Tensor | None, said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        IntraClass()(side(REAL, real), side(REAL, fake))
    assert "remove intra-class from eval.metrics" in str(caught.value.hint)
