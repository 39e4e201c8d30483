"""The Fréchet distance: closed forms, torchmetrics, independence of batches and order."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics.image.fid import FrechetInceptionDistance

from ganzoo.errors import DataError
from ganzoo.moments import (
    Moments,
    carried_rows,
    congruent,
    frechet_distance,
    products_of_rows,
)
from ganzoo.scoring.frechet import FrechetDistance


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def rotation(size: int) -> Tensor:
    return torch.linalg.qr(draw(size, size))[0]


def moments(values: Tensor, mean: Tensor | None = None) -> Moments:
    """A Gaussian whose covariance has these eigenvalues, along axes shared by all of the size."""
    axes = rotation(len(values))
    centre = torch.zeros(len(values), dtype=torch.float64) if mean is None else mean
    return Moments(centre, axes @ torch.diag(values) @ axes.T, 100)


def of(features: Tensor) -> Moments:
    return Moments(features.mean(0), features.T.cov(), len(features))


def computed(real: Tensor, fake: Tensor, **settings: bool) -> float:
    metric = FrechetDistance(real.shape[1], **settings)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    value = metric.compute()
    assert value.dtype == torch.float64
    return value.item()


# --- closed forms ---


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_for_covariances_with_common_axes_it_is_the_sum_over_the_axes(size: int) -> None:
    a, b = draw(size, seed=1).exp(), draw(size, seed=2).exp()
    mean_a, mean_b = draw(size, seed=3), draw(size, seed=4)
    expected = (mean_a - mean_b).square().sum() + (a.sqrt() - b.sqrt()).square().sum()
    value = frechet_distance(moments(a, mean_a), moments(b, mean_b))
    assert value == pytest.approx(expected.item(), rel=1e-9)


def test_in_the_plane_it_follows_from_trace_and_determinant() -> None:
    a = Moments(
        torch.tensor([1.0, 2.0]).double(), torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double(), 9
    )
    b = Moments(
        torch.tensor([0.0, 5.0]).double(), torch.tensor([[1.0, -0.7], [-0.7, 3.0]]).double(), 9
    )
    product = a.covariance @ b.covariance
    root = (product.trace() + 2 * product.det().sqrt()).sqrt()
    expected = 10 + a.covariance.trace() + b.covariance.trace() - 2 * root
    assert frechet_distance(a, b) == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([4.0, 1.0, 0.0, 0.0], [1.0, 9.0, 0.0, 0.0]),
        ([4.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0]),
        ([4.0, 1.0, 2.0, 3.0], [0.0, 2.0, 0.0, 1.0]),
        ([0.0, 2.0, 0.0, 1.0], [4.0, 1.0, 2.0, 3.0]),
        ([0.0, 0.0, 0.0, 0.0], [4.0, 1.0, 2.0, 3.0]),
        ([4.0, 1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0]),
        ([1e-5, 1.0, 1e5, 1e3], [1e5, 1e-5, 1.0, 1e3]),
        ([1e-4, 1e-4, 1.0, 1e4], [1e-4, 1e-4, 1.0, 1e3]),
    ],
)
def test_singular_and_badly_scaled_covariances_keep_the_closed_form(
    a: list[float], b: list[float]
) -> None:
    first, second = torch.tensor(a).double(), torch.tensor(b).double()
    expected = (first.sqrt() - second.sqrt()).square().sum().item()
    assert frechet_distance(moments(first), moments(second)) == pytest.approx(expected, rel=1e-9)


def test_a_covariance_of_round_off_counts_as_zero() -> None:
    spread = torch.tensor([4.0, 1.0, 9.0]).double()
    far = torch.full((3,), 100.0).double()
    noise = Moments(far, 1e-24 * torch.eye(3).double(), 100)
    assert frechet_distance(moments(spread, far), noise) == pytest.approx(14, rel=1e-9)
    nearly = torch.tensor([[1.0, 1.0], [1.0, 1.0 + 1e-15]]).double()
    flat, whole = (
        Moments(torch.zeros(2).double(), c, 100) for c in (nearly, torch.eye(2).double())
    )
    expected = 4 - 2 * 2**0.5
    assert frechet_distance(flat, whole) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(whole, flat) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ["full", "few rows", "rank 3", "a constant feature", "collapsed"])
def test_identical_sets_have_distance_zero(kind: str) -> None:
    features = draw(10 if kind == "few rows" else 500, 16) + 5
    if kind == "rank 3":
        features = features[:, :3] @ draw(3, 16, seed=2)
    if kind == "a constant feature":
        features[:, 4] = 255
    if kind == "collapsed":
        features[:] = features[0]
    assert computed(features, features) == pytest.approx(0, abs=1e-9 * 16)


def test_a_shift_of_all_samples_is_its_square() -> None:
    features = draw(300, 8)
    assert computed(features, features + 3) == pytest.approx(8 * 9, rel=1e-12)


@pytest.mark.parametrize("count", [5, 200, 9000])
def test_a_collapsed_generator_has_the_distance_of_a_point(count: int) -> None:
    real = draw(300, 16) * 40 + 100
    fake = real[:1].repeat(count, 1)
    mean = of(real)
    expected = (mean.mean - fake[0]).square().sum() + mean.covariance.trace()
    assert computed(real, fake) == pytest.approx(expected.item(), rel=1e-9)


def test_a_set_with_a_scaled_covariance_has_a_known_distance() -> None:
    real = draw(4000, 6) @ draw(6, 6, seed=5)
    fake = (real - real.mean(0)) * 3 + real.mean(0)
    expected = (3 - 1) ** 2 * of(real).covariance.trace()
    assert computed(real.float(), fake.float()) == pytest.approx(expected.item(), rel=1e-5)
    assert computed(real, fake) == pytest.approx(expected.item(), rel=1e-9)


# --- few samples: the Gram matrix ---


@pytest.mark.parametrize("count", [2, 3, 10, 31])
@pytest.mark.parametrize("real_rank", [32, 5])
def test_the_gram_path_equals_the_full_one(count: int, real_rank: int) -> None:
    real = draw(200, real_rank, seed=1) @ draw(real_rank, 32, seed=2)
    fake = draw(count, 32, seed=3) * 2 + 1
    assert computed(real, fake) == pytest.approx(frechet_distance(of(real), of(fake)), rel=1e-9)


def test_repeated_samples_on_the_gram_path_equal_the_full_one() -> None:
    real, fake = draw(200, 32, seed=1), draw(2, 32, seed=3).repeat(8, 1)
    assert computed(real, fake) == pytest.approx(frechet_distance(of(real), of(fake)), rel=1e-9)


@pytest.mark.parametrize("count", [10, 100])
def test_regular_sets_need_eigenvalues_only(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("torch.linalg.svdvals")
    monkeypatch.delattr("torch.linalg.eigh")
    assert computed(draw(200, 32, seed=1), draw(count, 32, seed=3)) > 0


@pytest.mark.parametrize("size", [1, 7, 8, 30])
@pytest.mark.parametrize("shape", ["triangular", "tall"])
def test_products_by_strips_are_the_products(
    size: int, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.moments._STRIP", 8)
    f = draw(size, size, seed=1).tril() if shape == "triangular" else draw(size, size // 2, seed=1)
    rows, b = draw(11, size, seed=2), Moments.of(draw(40, size, seed=3)).covariance
    torch.testing.assert_close(congruent(f, b).tril(), (f.T @ b @ f).tril())
    carried = carried_rows(rows, f)
    torch.testing.assert_close(carried, rows @ f)
    torch.testing.assert_close(products_of_rows(carried).tril(), (carried @ carried.T).tril())


@pytest.mark.parametrize(("smallest", "rank"), [(1.0, 4), (1e-9, 4), (1e-20, 3)])
@pytest.mark.parametrize("cholesky_fails", [False, True])
def test_a_factor_has_the_rank_and_is_triangular_if_that_is_full(
    smallest: float, rank: int, cholesky_fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cholesky_fails:
        monkeypatch.setattr("torch.linalg.cholesky_ex", lambda matrix: (matrix, torch.tensor(1)))
    law = moments(torch.tensor([3.0, 2.0, 1.0, smallest]).double())
    f = law.factor
    assert f.shape == (4, rank)
    assert rank < 4 or not f.triu(1).any()
    torch.testing.assert_close(f @ f.T, law.covariance, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1200, 300])
def test_at_many_features_the_distance_is_that_of_qr_and_singular_values(count: int) -> None:
    real, fake = (draw(1200, 600, seed=1) + 1).relu(), draw(count, 600, seed=2).relu()
    factors = [
        torch.linalg.qr((side - side.mean(0)) / (len(side) - 1) ** 0.5, mode="r").R
        for side in (real, fake)
    ]
    root = torch.linalg.svdvals(factors[0] @ factors[1].T).sum()
    spread = sum(part.square().sum() for part in factors)
    expected = (real.mean(0) - fake.mean(0)).square().sum() + spread - 2 * root
    assert computed(real, fake) == pytest.approx(expected.item(), rel=1e-9)


# --- torchmetrics ---


@pytest.mark.parametrize("count", [40, 3000])
def test_torchmetrics_agrees_on_the_same_features(count: int) -> None:
    real = (draw(2500, 64, seed=1) @ draw(64, 64, seed=2)).relu()
    fake = (draw(count, 64, seed=3) @ draw(64, 64, seed=4)).relu()
    ours = FrechetDistance(64)
    stock = FrechetInceptionDistance(feature=ours.inception)
    for metric in (ours, stock):
        for part in real.split(700):
            metric.update(part, real=True)
        for part in fake.split(700):
            metric.update(part, real=False)
    expected = stock.compute().item()
    assert ours.compute().item() == pytest.approx(expected, rel=1e-6)
    reference = FrechetDistance(64)
    reference.set_reference(ours.moments(real=True))
    reference.update(fake, real=False)
    assert reference.compute().item() == pytest.approx(expected, rel=1e-6)


def test_features_in_float32_are_summed_in_float64() -> None:
    features = (draw(5000, 4) + 1000).float()
    metric = FrechetDistance(4)
    metric.update(features, real=True)
    expected = features.double().T.cov()
    torch.testing.assert_close(metric.moments(real=True).covariance, expected, rtol=1e-7, atol=1e-7)


# --- batches, order, state ---


@settings(max_examples=40, deadline=None)
@given(data=st.data(), count=st.sampled_from([6, 60, 4100]))
def test_neither_order_nor_batches_change_the_distance(data: st.DataObject, count: int) -> None:
    real, fake = draw(100, 12, seed=1), draw(count, 12, seed=2) * 2 + 1
    metric = FrechetDistance(12)
    metric.set_reference(of(real))
    metric.update(fake, real=False)
    expected = metric.compute().item()
    metric.reset()
    cuts = sorted(data.draw(st.sets(st.integers(1, count - 1), max_size=5)))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(count + len(cuts)))
    for part in fake[order].tensor_split(cuts):
        metric.update(part, real=False)
    assert metric.compute().item() == pytest.approx(expected, rel=1e-10)


def test_a_reset_keeps_the_reference() -> None:
    metric = FrechetDistance(4)
    metric.update(draw(50, 4), real=True)
    values = []
    for _ in range(2):
        metric.update(draw(20, 4, seed=1), real=False)
        values.append(metric.compute().item())
        metric.reset()
    assert values[0] == values[1]
    metric.update(draw(20, 4, seed=1), real=False)
    metric.update(draw(50, 4, seed=8) * 3, real=True)
    assert metric.compute().item() != values[0]


@pytest.mark.parametrize("count", [3, 20])
def test_a_reference_is_factored_once(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, cholesky = [], torch.linalg.cholesky_ex
    monkeypatch.setattr("torch.linalg.cholesky_ex", lambda m: calls.append(1) or cholesky(m))
    metric = FrechetDistance(4)
    metric.set_reference(of(draw(50, 4)))
    for seed in range(3):
        metric.update(draw(count, 4, seed=seed), real=False)
        metric.compute()
        metric.reset()
    assert len(calls) == 1


def test_a_reset_can_discard_the_reference_too() -> None:
    metric = FrechetDistance(4, reset_real_features=True)
    metric.set_reference(of(draw(50, 4)))
    metric.update(draw(20, 4), real=False)
    metric.reset()
    metric.update(draw(20, 4), real=False)
    with pytest.raises(DataError, match="at least 2 real samples, not 0"):
        metric.compute()


def test_a_new_reference_gives_a_new_value() -> None:
    metric = FrechetDistance(4)
    fake = draw(20, 4)
    metric.update(fake, real=False)
    for seed in (1, 2):
        real = of(draw(50, 4, seed=seed))
        metric.set_reference(real)
        expected = frechet_distance(real, of(fake))
        assert metric.compute().item() == pytest.approx(expected, rel=1e-9)


# --- what cannot be scored ---


def broken(features: Tensor, value: float) -> Tensor:
    features = features.clone()
    features[3000, 1] = value
    return features


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: broken(f, float("nan")), "features of fake sample 3000 are not finite"),
        (lambda f: broken(f, float("inf")), "features of fake sample 3000 are not finite"),
        (lambda f: f[:1], "at least 2 fake samples, not 1"),
        (lambda f: f[:, :3], r"fake features have shape \(4000, 3\), not \(N, 4\)"),
        (lambda f: f.flatten(), r"fake features have shape \(16000,\), not \(N, 4\)"),
    ],
)
def test_features_without_a_distance_are_refused_in_one_line(
    harm: Callable[[Tensor], Tensor], said: str
) -> None:
    metric = FrechetDistance(4)
    metric.set_reference(of(draw(50, 4)))

    def feed_and_compute() -> None:
        metric.update(harm(draw(4000, 4)), real=False)
        metric.compute()

    with pytest.raises(DataError, match=said) as caught:
        feed_and_compute()
    assert "\n" not in str(caught.value)


def test_moments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="4 features cannot be compared with 5"):
        frechet_distance(of(draw(9, 4)), of(draw(9, 5)))
    with pytest.raises(DataError, match="not finite"):
        frechet_distance(of(draw(9, 4)), of(draw(9, 4) * float("nan")))
    with pytest.raises(DataError, match="5 features, not 4"):
        FrechetDistance(4).set_reference(of(draw(9, 5)))
