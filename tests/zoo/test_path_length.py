import pytest
import torch
from ganzoo_zoo.metrics.path_length import PathLength, great_arc
from torch import Tensor

from ganzoo.api import DataError, Evaluated


class Linear:
    """The features of a generator A z (+ its label, if there is one)."""

    def __init__(self, matrix: Tensor, labelled: bool = False) -> None:
        self.matrix = matrix.float()
        self.labelled = labelled
        self.sizes: list[int] = []

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(count, self.matrix.shape[1], generator=generator)
        return z, torch.arange(count) if self.labelled else None

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        self.sizes.append(len(latents))
        shift = 0 if labels is None else labels[:, None].float()
        return latents @ self.matrix.T + shift


def fake(probe: Linear | None) -> Evaluated:
    return Evaluated(torch.zeros(2, 1), torch.zeros(2, 1), generator=probe)


REAL = Evaluated(torch.zeros(2, 1), torch.zeros(2, 1))


def test_a_great_arc_joins_its_ends_and_keeps_the_length() -> None:
    a = torch.tensor([[3.0, 0.0, 0.0]]).double()
    b = torch.tensor([[0.0, 3.0, 0.0]]).double()
    for t, point in ((0, a), (1, b), (0.5, (a + b) / 2**0.5)):
        torch.testing.assert_close(great_arc(a, b, torch.tensor([float(t)]).double()), point)


def test_for_a_linear_generator_it_is_the_speed_along_the_arcs() -> None:
    # At right angles |dz/dt| = (pi/2) |z|, and |z|^2 averages to the dimension.
    metric = PathLength(paths=2000)
    numbers = metric(REAL, fake(Linear(2 * torch.eye(256))))
    assert numbers["path_length"] == pytest.approx(4 * (torch.pi / 2) ** 2 * 256, rel=0.02)
    smaller = metric(REAL, fake(Linear(torch.eye(256))))
    assert smaller["path_length"] == pytest.approx(numbers["path_length"] / 4, rel=1e-4)


def test_the_size_of_the_step_hardly_matters() -> None:
    probe = Linear(torch.eye(8))
    values = [
        PathLength(paths=300, epsilon=epsilon)(REAL, fake(probe))["path_length"]
        for epsilon in (1e-2, 1e-3, 1e-4)
    ]
    assert values[0] == pytest.approx(values[1], rel=0.02)
    assert values[2] == pytest.approx(values[1], rel=0.02)


def test_both_ends_of_a_step_have_one_label() -> None:
    plain, labelled = (Linear(torch.eye(8), labelled) for labelled in (False, True))
    numbers = [PathLength(paths=300)(REAL, fake(probe)) for probe in (plain, labelled)]
    assert numbers[1]["path_length"] == pytest.approx(numbers[0]["path_length"], rel=0.02)
    assert plain.sizes == [256, 256, 44, 44]


def test_a_generator_that_makes_one_sample_has_no_length() -> None:
    assert PathLength(paths=50)(REAL, fake(Linear(torch.zeros(3, 8))))["path_length"] == 0


def test_samples_from_a_file_are_refused() -> None:
    with pytest.raises(DataError, match="these samples come from a file"):
        PathLength()(REAL, fake(None))
