"""KID, Inception score and MiFID on fixed features: torchmetrics' own classes say the same.

The classes are given `feature=` an identity network, so that neither torch-fidelity nor
torchvision is needed.
"""

import pytest
import torch
from ganzoo_zoo.metrics.inception_score import InceptionScore, inception_score
from ganzoo_zoo.metrics.kid import Kid
from torch import Tensor, nn
from torchmetrics.image.inception import InceptionScore as TorchmetricsInceptionScore
from torchmetrics.image.kid import KernelInceptionDistance
from torchmetrics.image.mifid import MemorizationInformedFrechetInceptionDistance

from ganzoo.api import Evaluated
from ganzoo.moments import Moments, frechet_distance
from ganzoo.scoring.frechet import FrechetDistance

pytestmark = pytest.mark.filterwarnings("ignore:Metric `.*` will save all extracted features")


def normal(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


REAL, FAKE = normal(200, 8, seed=1), normal(200, 8, seed=2) * 1.2 + 0.3


def fed(metric: nn.Module) -> nn.Module:
    for rows, is_real in ((REAL, True), (FAKE, False)):
        for part in rows.split(70):
            metric.update(part, real=is_real)
    return metric


@pytest.mark.parametrize("degree", [1, 3])
def test_kid_over_one_subset_of_all_samples_is_ours(degree: int) -> None:
    metric = KernelInceptionDistance(nn.Identity(), subsets=1, subset_size=200, degree=degree)
    ours = Kid(degree=degree)(Evaluated(REAL, REAL), Evaluated(FAKE, FAKE))
    assert ours["kid"] == pytest.approx(fed(metric).compute()[0].item(), rel=1e-9)


def test_the_mean_of_kid_over_many_subsets_is_ours_within_its_own_spread() -> None:
    torch.manual_seed(0)
    mean, spread = fed(KernelInceptionDistance(nn.Identity(), 400, 100)).compute()
    ours = Kid()(Evaluated(REAL, REAL), Evaluated(FAKE, FAKE))
    assert ours["kid"] == pytest.approx(mean.item(), abs=4 * spread.item() / 400**0.5)


def test_the_inception_score_of_one_split_is_ours() -> None:
    metric = TorchmetricsInceptionScore(nn.Identity(), splits=1)
    metric.update(FAKE * 3)
    side = Evaluated(FAKE, FAKE, class_logits=FAKE * 3)
    with pytest.warns(UserWarning, match="degrees of freedom"):  # of the deviation over one split
        expected = metric.compute()[0].item()
    assert inception_score(FAKE * 3) == pytest.approx(expected, rel=1e-9)
    assert InceptionScore()(side, side)["inception_score"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("noise", "penalised"), [(0.2, True), (2.0, False)])
def test_mifid_is_our_distance_over_the_cosine_distance_of_copies(
    noise: float, penalised: bool
) -> None:
    fake = REAL + noise * normal(200, 8, seed=3)
    metric = MemorizationInformedFrechetInceptionDistance(nn.Identity())
    metric.update(REAL, real=True)
    metric.update(fake, real=False)
    real_unit, fake_unit = (rows / rows.norm(dim=1, keepdim=True) for rows in (REAL, fake))
    nearest = (1 - (real_unit @ fake_unit.T).abs()).amin(dim=1).mean().item()
    assert (nearest < metric.cosine_distance_eps) == penalised
    expected = frechet_distance(Moments.of(REAL), Moments.of(fake)) / (nearest if penalised else 1)
    assert metric.compute().item() == pytest.approx(expected, rel=1e-6)


def test_the_frechet_metric_is_a_metric_of_torchmetrics() -> None:
    from torchmetrics import Metric, MetricCollection

    metric = FrechetDistance(8)
    assert isinstance(metric, Metric)
    value = MetricCollection({"fid": fed(metric)}).compute()["fid"].item()
    expected = frechet_distance(Moments.of(REAL), Moments.of(FAKE))
    assert value == pytest.approx(expected, rel=1e-9)
