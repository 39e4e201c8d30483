"""Scores: one pass, the protocol of what was scored, and the same value from the cache."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.components.parameters import adhoc_component
from ganzoo.errors import DataError, PluginError
from ganzoo.moments import frechet_distance
from ganzoo.registry.registry import Registry
from ganzoo.runs.score import Protocol
from ganzoo.scoring.reference import RealData, ReferenceCache, content_sha256
from ganzoo.scoring.score_samples import ExtractorIdentity, SampleScore, score_samples


@pytest.fixture
def scored(toys: SimpleNamespace) -> Callable[..., SampleScore]:
    def scored(samples: Tensor, **changes: Any) -> SampleScore:
        settings = {
            "fake": toys.batches(samples),
            "real": toys.real_points(),
            "extractor": toys.Flat(),
            "identity": toys.identity("flat"),
            "metrics": {},
            "spec": toys.POINTS,
            "device": toys.CPU,
        }
        return score_samples(**(settings | changes))

    return scored


@pytest.mark.parametrize("count", [4, 30])
def test_the_score_is_the_distance_of_the_samples_and_its_protocol_says_how(
    toys: SimpleNamespace, scored: Callable[..., SampleScore], count: int
) -> None:
    real, fake = toys.real_samples(), toys.points(count, seed=2)
    value, metrics, protocol, _ = scored(fake)[:4]
    assert value == pytest.approx(
        frechet_distance(toys.moments(real), toys.moments(fake)), rel=1e-9
    )
    assert metrics == {}
    assert protocol == Protocol(
        metric="frechet",
        metric_revision=2,
        extractor="toys/flat",
        extractor_revision=3,
        weights_sha256=None,
        layer="flat",
        input_rule="as stored",
        extractor_dtype="float32",
        n_fake=count,
        reference="toys/points",
        reference_sha256=content_sha256(real),
        split="train",
        n_real=40,
        preparation="noise=0",
        extractor_parameters="factor=2.0",
        extractor_code_sha256="c" * 64,
    )


def test_the_batches_of_the_fakes_do_not_change_the_score(
    toys: SimpleNamespace, scored: Callable[..., SampleScore]
) -> None:
    fake = toys.points(30, seed=2)
    whole = scored(fake)
    assert scored(fake, fake=toys.batches(fake, 1, 9, 20)) == whole
    assert scored(fake, batch_size=7).value == pytest.approx(whole.value, rel=1e-10)


def test_the_terms_of_the_distance_add_up_to_it(
    toys: SimpleNamespace, scored: Callable[..., SampleScore]
) -> None:
    real, fake = toys.real_samples(), toys.points(30, seed=2) + 3
    value, _, _, statistics = scored(fake)[:4]
    apart = (real.double().mean(0) - fake.double().mean(0)).square().sum().item()
    assert statistics.mean_term == pytest.approx(apart, rel=1e-9)
    assert statistics.mean_term + statistics.covariance_term == pytest.approx(value, rel=1e-12)


def test_neither_order_nor_batches_change_the_statistics(
    toys: SimpleNamespace, scored: Callable[..., SampleScore]
) -> None:
    fake = toys.points(40, seed=2)
    fake[7] = fake[31]  # equal samples must not make the order matter either
    whole = scored(fake).statistics
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    other = scored(fake[order], fake=toys.batches(fake[order], 1, 19, 20), batch_size=9).statistics
    assert whole.debiased is not None
    assert vars(other) == pytest.approx(vars(whole), rel=1e-9)


def test_the_debiased_distance_is_omitted_on_request_and_for_few_samples(
    toys: SimpleNamespace, scored: Callable[..., SampleScore]
) -> None:
    fake = toys.points(40, seed=2)
    assert scored(fake, debias=False).statistics.debiased is None
    assert scored(fake[:10]).statistics.debiased is None
    assert scored(fake, debias=False).value == scored(fake).value


def test_images_are_scored_through_the_input_rule(
    toys: SimpleNamespace, scored: Callable[..., SampleScore]
) -> None:
    images = torch.randint(256, (20, 1, 8, 8), dtype=torch.uint8)
    result = scored(
        images,
        fake=[(images, None)],
        real=RealData.of(images, None, "toys/grey", "test"),
        extractor=toys.Network(),
        spec=toys.GREY,
    )
    assert result.value == pytest.approx(0, abs=1e-6)
    assert result.protocol.weights_sha256 == "ab" * 32
    assert result.protocol.input_rule == (
        "clamp and round to uint8; grey->rgb; bicubic antialias 8x8->16x16, clamped; "
        "float32 in [0, 255]"
    )


def test_a_cached_reference_gives_the_same_bits_without_extracting_real_samples(
    toys: SimpleNamespace, scored: Callable[..., SampleScore], tmp_path: Path
) -> None:
    fake, cache = toys.points(30, seed=2), ReferenceCache(tmp_path)
    uncached = scored(fake)
    extractors = [toys.Flat(6) for _ in range(4)]
    first, second = (scored(fake, extractor=e, cache=cache) for e in extractors[:2])
    assert first == second
    assert [sum(e.batches) for e in extractors[:2]] == [70, 30]
    assert uncached.protocol == first.protocol
    other = toys.real_points(added=1)
    assert scored(fake, extractor=extractors[2], cache=cache, real=other).value != first.value
    assert sum(extractors[2].batches) == 70
    [path] = [p for p in tmp_path.iterdir() if first.protocol.reference_key in p.name]
    path.write_bytes(path.read_bytes()[:-8])
    later = ReferenceCache(tmp_path)
    assert scored(fake, extractor=extractors[3], cache=later) == first
    assert sum(extractors[3].batches) == 70
    assert scored(fake, extractor=toys.Flat(6), cache=later) == first


def test_metrics_see_features_samples_labels_and_class_logits_of_both_sides(
    toys: SimpleNamespace, scored: Callable[..., SampleScore], tmp_path: Path
) -> None:
    fake, cache = toys.points(30, seed=2), ReferenceCache(tmp_path)
    expected = {"real": 40.0, "fake": 30.0, "real_agreement": 1.0, "fake_agreement": 1.0}
    for _ in range(2):
        extractor = toys.Flat()
        result = scored(fake, extractor=extractor, metrics={"m": toys.Agreement()}, cache=cache)
        assert result.metrics == expected
        assert result.value == scored(fake, cache=cache).value
    unlabelled = [(part, None) for part in fake.split(11)]
    result = scored(fake, fake=unlabelled, metrics={"m": toys.Agreement()})
    assert result.metrics == {"real": 40.0, "fake": 30.0, "real_agreement": 1.0}


def test_two_metrics_with_one_name_are_refused(
    toys: SimpleNamespace, scored: Callable[..., SampleScore]
) -> None:
    with pytest.raises(PluginError, match="b gives a number 'real', and so does another"):
        scored(toys.points(9, seed=2), metrics={"a": toys.Agreement(), "b": toys.Agreement()})


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda fake: fake[:1], "at least 2 fake samples, not 1"),
        (lambda fake: fake[:0], "at least 2 fake samples, not 0"),
        (lambda fake: fake[:, :5], r"float32 of shape \(5,\), but vector 6"),
        (lambda fake: fake.double(), "samples are float64"),
        (lambda fake: fake / 0, "a sample holds values that are not finite"),
    ],
)
def test_samples_that_cannot_be_scored_are_a_data_error_of_one_line(
    toys: SimpleNamespace,
    scored: Callable[..., SampleScore],
    harm: Callable[[Tensor], Tensor],
    said: str,
) -> None:
    fake = harm(toys.points(9, seed=2).abs() + 4)
    with pytest.raises(DataError, match=said) as caught:
        scored(fake, extractor=toys.Flat(6))
    assert "\n" not in str(caught.value)


def test_a_feature_that_is_not_finite_is_found_among_all_samples(
    toys: SimpleNamespace, scored: Callable[..., SampleScore]
) -> None:
    class Broken(toys.Flat):
        def __call__(self, x: Tensor) -> Tensor:
            return super().__call__(x).where(x != fake[23], torch.inf)

    fake = toys.points(30, seed=2)
    with pytest.raises(DataError, match="features of fake sample 23 are not finite"):
        scored(fake, extractor=Broken(), batch_size=10)


def test_a_reference_of_one_sample_is_refused(toys: SimpleNamespace) -> None:
    with pytest.raises(DataError, match="toys/points/test has 1 samples"):
        RealData.of(toys.points(1, seed=0), None, "toys/points", "test")


# --- two processes ---


def test_two_processes_score_like_one(
    toys: SimpleNamespace, scored: Callable[..., SampleScore], tmp_path: Path
) -> None:
    script = Path(__file__).with_name("two_ranks.py")
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path), str(rank)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    first, second = ([json.loads(line) for line in out.splitlines()] for out, _ in outputs)
    assert first, outputs
    errors = [lines.pop()["error"] for lines in (first, second)]
    assert errors[0] == "another process failed while scoring; its own message says why"
    assert "not finite" in errors[1]
    assert first == second
    states = first.pop()
    assert states["synced"] == [40, 30]
    assert states["after"] == 15
    assert states["value"] == pytest.approx(first[0]["value"], rel=1e-10)
    for line in first:
        fake = toys.points(line["count"], seed=2)
        expected = scored(fake, metrics={"m": toys.Agreement()})
        assert line["value"] == pytest.approx(expected.value, rel=1e-10), line
        known = {name: value for name, value in vars(expected.statistics).items() if value}
        assert ("debiased" in known) == (line["count"] >= 20)
        assert {name: line["statistics"][name] for name in known} == pytest.approx(known, rel=1e-7)
        assert line["metrics"] == (expected.metrics if line["metrics"] else {})
        assert line["protocol"] == expected.protocol.id
    assert len(first) == 6


def test_another_parameter_or_other_code_of_an_extractor_is_another_protocol(
    toys: SimpleNamespace, scored: Callable[..., SampleScore], tmp_path: Path
) -> None:
    cache = ReferenceCache(tmp_path)
    identity, samples = toys.identity("flat"), toys.points(30, seed=2)
    once = scored(samples, cache=cache)

    class Doubled(toys.Flat):
        def __call__(self, x: Tensor) -> Tensor:
            return 2 * super().__call__(x)

    other = identity._replace(parameters="factor=4.0")
    scaled = scored(samples, cache=cache, identity=other, extractor=Doubled())
    assert scaled.protocol.id != once.protocol.id
    assert scaled.value == pytest.approx(4 * once.value)  # not against moments of the other scale
    other_code = identity._replace(code_sha256="d" * 64)
    assert scored(samples, identity=other_code).protocol.id != once.protocol.id


def test_the_identity_of_an_extractor_has_the_parameters_that_are_not_at_their_defaults() -> None:
    plan = adhoc_component(Registry(), "extractor", "zoo/pixels", {})
    identity = ExtractorIdentity.of(plan)
    assert identity.id == "zoo/pixels"
    assert identity.parameters == ""
    assert identity.code_sha256
