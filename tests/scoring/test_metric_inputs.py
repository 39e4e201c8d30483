"""Inputs of metrics besides two sets of features: splits, and the generator."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.api import Evaluated, SampleSpec
from ganzoo.errors import DataError
from ganzoo.scoring.features import Extraction, Probe, ScoredGenerator, unrounded
from ganzoo.scoring.metric_inputs import content_key
from ganzoo.scoring.reference import RealData
from ganzoo.scoring.score_samples import score_samples


@pytest.fixture
def seen_by_a_metric(toys: SimpleNamespace) -> Callable[..., list[Evaluated]]:
    def seen(metric: Callable[[Evaluated, Evaluated], None], **changes: Any) -> list[Evaluated]:
        sides: list[Evaluated] = []

        def look(real: Evaluated, fake: Evaluated) -> dict[str, float]:
            sides.extend((real, fake))
            metric(real, fake)
            return {}

        settings = {
            "fake": toys.batches(toys.points(30, seed=2)),
            "real": toys.real_points(),
            "extractor": toys.Flat(),
            "identity": toys.identity("flat"),
            "metrics": {"look": look},
            "spec": toys.POINTS,
            "device": toys.CPU,
        }
        score_samples(**(settings | changes))
        return sides

    return seen


def test_a_split_is_read_once_when_a_metric_accesses_it(
    toys: SimpleNamespace, seen_by_a_metric: Callable[..., list[Evaluated]]
) -> None:
    asked: list[str] = []

    def read(name: str) -> RealData:
        asked.append(name)
        return RealData.of(toys.points(20, seed=9), None, "toys/points", name)

    splits = {name: lambda name=name: read(name) for name in ("train", "test", "other")}

    def metric(real: Evaluated, fake: Evaluated) -> None:
        assert list(real.splits) == ["train", "test", "other"]
        assert torch.equal(real.splits["train"].features, real.features)
        assert torch.equal(real.splits["test"].features, toys.points(20, seed=9))
        assert real.splits["test"].samples is real.splits["test"].samples
        assert "none" not in real.splits
        assert not fake.splits

    seen_by_a_metric(metric, real=replace(toys.real_points(), splits=splits))
    assert asked == ["test"]


def test_a_metric_can_use_the_generator_and_samples_from_a_file_have_none(
    toys: SimpleNamespace, seen_by_a_metric: Callable[..., list[Evaluated]]
) -> None:
    generator = ScoredGenerator(
        latents=lambda count, seed: (torch.full((count, 6), float(seed)), None),
        generate=lambda z, y: 2 * z,
    )

    def metric(real: Evaluated, fake: Evaluated) -> None:
        assert fake.generator is not None
        z, y = fake.generator.latents(3, seed=5)
        assert fake.generator.features(z, y).tolist() == [[10.0] * 6] * 3

    seen_by_a_metric(metric, generator=generator)
    assert seen_by_a_metric(lambda real, fake: None)[1].generator is None


def test_the_features_of_a_probe_are_not_rounded_to_the_levels_of_an_image(
    toys: SimpleNamespace,
) -> None:
    generator = ScoredGenerator(lambda count, seed: (torch.zeros(count, 1), None), lambda z, y: z)
    probe = Probe(generator, Extraction(toys.Flat(), toys.GREY, toys.CPU))
    samples = torch.full((1, 1, 8, 8), 1e-4)
    assert probe.features(samples, None).flatten()[0] == pytest.approx(127.5 * (1 + 1e-4))


def test_the_likelihood_of_samples_is_that_of_a_generator_that_has_one(
    toys: SimpleNamespace,
) -> None:
    extraction = Extraction(toys.Flat(), toys.GREY, toys.CPU)
    generator = ScoredGenerator(lambda count, seed: (torch.zeros(count, 1), None), lambda z, y: z)
    with pytest.raises(DataError, match="the generator has no likelihood"):
        Probe(generator, extraction).log_prob(torch.zeros(2, 1, 8, 8))
    known = replace(generator, log_prob=lambda x, y: -x.flatten(1).sum(1))
    assert Probe(known, extraction).log_prob(torch.ones(2, 1, 8, 8)).tolist() == [-64.0, -64.0]


@pytest.mark.parametrize(
    ("spec", "model", "stored"),
    [
        (SampleSpec("image", (1, 1, 3)), [-2.0, 0.0, 1.0], [0.0, 127.5, 255.0]),
        (SampleSpec("vector", (3,)), [-2.0, 0.0, 1.0], [-2.0, 0.0, 1.0]),
    ],
)
def test_the_scale_of_the_stored_form_without_its_levels(
    spec: SampleSpec, model: list[float], stored: list[float]
) -> None:
    samples = torch.tensor(model).reshape(1, *spec.shape)
    assert unrounded(spec, samples).flatten().tolist() == stored


def test_symbols_cannot_be_left_unrounded() -> None:
    with pytest.raises(DataError, match="nothing lies between two of them"):
        unrounded(SampleSpec("text", (4,), vocabulary=3), torch.zeros(1, 4, 3))


def test_a_key_depends_only_on_the_content_of_a_sample() -> None:
    samples = torch.arange(12, dtype=torch.uint8).reshape(2, 6)
    keys = [content_key(sample) for sample in samples]
    assert keys[0] != keys[1]
    assert all(0 <= key < 2**63 for key in keys)
    assert content_key(samples.T.contiguous().T[1]) == keys[1]
    moved: Tensor = samples.flip(0)
    assert [content_key(sample) for sample in moved] == keys[::-1]
