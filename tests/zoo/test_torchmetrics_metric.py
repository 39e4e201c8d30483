"""The adapter: the values of torchmetrics' own classes, and nothing but classes of torchmetrics."""

from pathlib import Path
from typing import Any

import pytest
import torch
from ganzoo_zoo.metrics.torchmetrics_adapter import TorchMetric
from torch import Tensor

from ganzoo.api import DataError, Evaluated
from ganzoo.errors import RecipeError
from ganzoo.nn import Moments, frechet_distance
from ganzoo.testing import conformance
from ganzoo.training.launch import prepare
from ganzoo.training.processes import Processes
from ganzoo.training.scorer import Scorer

KID, SCORE = "image.kid.KernelInceptionDistance", "image.inception.InceptionScore"
MIFID = "image.mifid.MemorizationInformedFrechetInceptionDistance"
TV = "image.tv.TotalVariation"

test_conformance = pytest.mark.slow(
    conformance(
        "zoo/torchmetrics",
        parameters={
            "zoo/torchmetrics": [
                {"metric": KID, "settings": {"subset_size": 50}},
                {"metric": "image.fid.FrechetInceptionDistance"},
                {"metric": MIFID},
                {"metric": SCORE, "settings": {"splits": 4}},
                {"metric": TV, "settings": {"reduction": "mean"}},
            ]
        },
    )
)


def side(seed: int, count: int = 120, scale: float = 1.0) -> Evaluated:
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(count, 6, generator=random) * scale
    samples = torch.randint(256, (count, 3, 8, 8), generator=random, dtype=torch.uint8)
    return Evaluated(features, samples, class_logits=3 * features)


REAL, FAKE = side(1), side(2, 100, scale=1.5)


def value(metric: str, real: Evaluated = REAL, fake: Evaluated = FAKE, **given: Any) -> float:
    return next(iter(TorchMetric(metric=metric, **given)(real, fake).values()))


def test_the_frechet_distance_of_torchmetrics_is_ours() -> None:
    expected = frechet_distance(Moments.of(REAL.features), Moments.of(FAKE.features))
    found = value("image.fid.FrechetInceptionDistance")
    assert found == pytest.approx(expected, rel=1e-6)
    assert value("image.FrechetInceptionDistance") == found


def test_total_variation_is_of_the_generated_images_in_0_to_1() -> None:
    images = FAKE.samples.double() / 255
    expected = images.diff(dim=2).abs().sum() + images.diff(dim=3).abs().sum()
    assert value(TV) == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize("metric", [KID, SCORE])
def test_random_subsets_depend_on_the_seed_alone_and_leave_the_generator_as_it_was(
    metric: str,
) -> None:
    settings = {"subset_size": 40} if metric == KID else {"splits": 5}
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = value(metric, settings=settings)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    order: Tensor = torch.randperm(100)
    assert FAKE.class_logits is not None
    other = Evaluated(FAKE.features[order], FAKE.samples[order], None, FAKE.class_logits[order])
    assert value(metric, fake=other, settings=settings) == first
    assert value(metric, settings=settings, seed=1) != first


def test_numbers_are_named_after_the_class_and_a_second_one_is_a_deviation() -> None:
    found = TorchMetric(metric=KID, settings={"subset_size": 40})(REAL, FAKE)
    name = "torchmetrics_kernel_inception_distance"
    assert list(found) == [name, f"{name}_std"]


@pytest.mark.parametrize(
    ("metric", "settings", "said"),
    [
        ("image.kid.KernelInceptionDistanc", {}, f"no image metric '.*' - did you mean '{KID}'"),
        ("os.system", {}, f"no image metric 'os.system' - one is '{KID}'"),
        ("image.kid.poly_mmd", {}, "no image metric 'image.kid.poly_mmd'"),
        ("image.kid.Module", {}, "no image metric"),
        ("image.kid.Metric", {}, "no image metric"),
        ("image.fid.KernelInceptionDistance", {}, f"did you mean '{KID}'"),
        ("text.bleu.BLEUScore", {}, "no image metric"),
        ("image.ssim.StructuralSimilarityIndexMeasure", {}, "updated with preds and target - a"),
        ("image.arniqa.ARNIQA", {}, "downloads a network of its own"),
        (KID, {"subset_sze": 50}, "no setting 'subset_sze' - did you mean 'subset_size'"),
        (KID, {"feature": 64}, "no setting 'feature'"),
        (KID, {"dist_sync_on_step": True}, "no setting 'dist_sync_on_step'"),
        (KID, {"subset_size": -5}, "`subset_size` expected to be integer larger than 0"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_nearest_way_out(
    metric: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        TorchMetric(metric=metric, settings=settings)
    assert "\n" not in str(caught.value)


def test_too_few_samples_or_no_classifier_is_a_data_error() -> None:
    with pytest.raises(DataError, match="KernelInceptionDistance fails with 120, 100 samples: Arg"):
        value(KID)
    with pytest.raises(DataError, match="InceptionScore needs an extractor with a classifier"):
        value(SCORE, fake=Evaluated(FAKE.features, FAKE.samples))
    with pytest.raises(DataError, match="TotalVariation needs images"):
        value(TV, fake=Evaluated(FAKE.features, FAKE.features))


def test_a_check_of_a_recipe_finds_a_wrong_class(tmp_path: Path) -> None:
    metric = {"use": "torchmetrics", "metric": "image.kid.KID"}
    with pytest.raises(RecipeError, match=r"eval\.metrics.*no image metric 'image\.kid\.KID'"):
        prepare("digits-dcgan-hinge", {"eval.metrics": [metric]})
    metric |= {"metric": KID, "settings": {"subset_size": 50}}
    prepare("digits-dcgan-hinge", {"eval.metrics": [metric]})


def test_a_recipe_may_name_the_adapter_twice() -> None:
    metrics = [{"use": "torchmetrics", "metric": name} for name in (MIFID, TV)]
    plan = prepare("digits-dcgan-hinge", {"eval.metrics": metrics})
    live = Scorer.of(plan, Processes(torch.device("cpu"))).metrics.values()
    assert [each.factory.__name__ for each in live] == [MIFID.split(".")[-1], "TotalVariation"]
