"""Scores: equal protocols have equal ids; differences are shown in words."""

import json
import math
import subprocess
import sys
from dataclasses import asdict, fields, replace

import pytest

from ganzoo.cli.score import _show
from ganzoo.runs.records import to_json
from ganzoo.runs.score import Protocol, Sampling, Score, Statistics

DIGITS = Protocol(
    extractor="zoo/toy-cnn",
    extractor_revision=1,
    weights_sha256="3f9a1c07" + "0" * 56,
    layer="features",
    input_rule="uint8; grey->rgb; bicubic antialias 8x8->32x32",
    extractor_dtype="float32",
    n_fake=599,
    reference="zoo/digits",
    reference_sha256="77b2aa01" + "0" * 56,
    split="train",
    n_real=600,
)
CIFAR = replace(
    DIGITS, extractor="zoo/inception", layer="pool3", n_fake=50_000, reference="zoo/cifar10"
)
SAMPLING = Sampling(weights="ema", step=300, samples_seen=19_200, selected="final", seed=0)


def test_every_field_of_a_protocol_decides_its_id() -> None:
    for part in fields(Protocol):
        value = getattr(DIGITS, part.name)
        other = replace(DIGITS, **{part.name: value + 1 if isinstance(value, int) else "other"})
        # The content of the reference has a hash: words about it decide nothing.
        decides = part.name not in ("preparation", "folder")
        assert (other.id != DIGITS.id) == decides
        assert (other.reference_key != DIGITS.reference_key) == (decides and part.name != "n_fake")
        assert len(DIGITS.differences(other)) == decides
    assert replace(DIGITS).id == DIGITS.id
    assert DIGITS.differences(DIGITS) == []


def test_the_id_of_a_protocol_is_the_same_in_every_process() -> None:
    code = f"from ganzoo.runs.score import Protocol; print(Protocol(**{asdict(DIGITS)!r}).id)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == DIGITS.id
    assert len(DIGITS.id) == 12


def test_only_the_pool3_features_of_inception_are_called_fid() -> None:
    assert CIFAR.distance_name == "FID"
    assert replace(CIFAR, layer="logits").distance_name == "FD(inception)"
    assert replace(CIFAR, extractor="acme/inception").distance_name == "FD(acme/inception)"
    assert DIGITS.distance_name == "FD(toy-cnn)"


def test_a_protocol_is_shown_in_words() -> None:
    assert DIGITS.words() == "FD(toy-cnn) 599 · digits/train"
    assert CIFAR.words() == "FID 50k · cifar10/train"
    assert replace(DIGITS, reference="acme/cats", split="").words() == "FD(toy-cnn) 599 · acme/cats"


def test_differences_show_both_values() -> None:
    other = replace(DIGITS, n_fake=1000, weights_sha256=None, split="test")
    assert DIGITS.differences(other) == [
        "weights of the extractor: 3f9a1c07 / none",
        "n_fake: 599 / 1000",
        "split: train / test",
    ]


def test_a_score_survives_its_record_and_fields_of_a_later_version() -> None:
    score = Score.now(
        value=12.5,
        protocol=DIGITS,
        sampling=SAMPLING,
        metrics={"modes": 9.0, "kl": math.nan},
        statistics=Statistics(1.0, 11.5, expected_real=5.0, standard_error=0.25),
        env={"device": "cpu"},
    )
    record = json.loads(to_json(score.to_dict()))
    assert record["protocol_id"] == DIGITS.id
    record["new"] = record["protocol"]["new"] = record["sampling"]["new"] = 1
    back = Score.from_dict(record)
    assert math.isnan(back.metrics["kl"])
    assert replace(back, metrics={}) == replace(score, metrics={})
    assert Score.from_dict({**record, "sampling": None}).sampling is None


def test_a_record_of_a_version_without_statistics_is_read() -> None:
    record = Score.now(value=1.0, protocol=DIGITS).to_dict()
    del record["statistics"]
    assert Score.from_dict(record).statistics is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": None}, "a finite value, not None"),
        ({"value": math.inf}, "a finite value, not inf"),
        ({"value": "low"}, "a finite value, not 'low'"),
        ({"value": -50.0}, "a finite value, not -50.0"),
        ({"value": True}, "a finite value, not True"),
        ({"metrics": {"modes": True}}, "a finite modes, not True"),
        ({"protocol_id": "0" * 12}, "is not that of the protocol"),
        ({"protocol": {}}, "a protocol needs extractor, extractor_revision, "),
        ({"statistics": {"floor": 1.0}}, "needs mean_term, covariance_term, "),
        ({"sampling": {"step": 1}}, "a sampling needs weights, samples_seen, selected, seed"),
    ],
)
def test_a_record_with_a_missing_field_is_refused(changes: dict[str, object], said: str) -> None:
    record = Score.now(value=1.0, protocol=DIGITS, sampling=SAMPLING).to_dict()
    with pytest.raises(ValueError, match=said):
        Score.from_dict({**record, **changes})


def test_a_record_without_its_time_is_refused() -> None:
    record = Score.now(value=1.0, protocol=DIGITS).to_dict()
    del record["time"]
    with pytest.raises(ValueError, match="a score needs time"):
        Score.from_dict(record)


def test_an_undefined_metric_is_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    score = Score(1.0, DIGITS, "2026-01-01T00:00:00Z", metrics={"efficacy": math.nan})
    _show({"samples": score}, as_json=True)
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["metrics"] == {"efficacy": None}
