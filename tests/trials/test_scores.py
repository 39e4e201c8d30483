"""Scores that were silently of something else in trials: what is true of them now."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from ganzoo_zoo.datasets.digits import Digits
from PIL import Image
from torch import Tensor, nn

from ganzoo.api import SampleSpec
from ganzoo.cli import main
from ganzoo.components.build import make
from ganzoo.components.parameters import adhoc_component
from ganzoo.errors import DataError, Diverged
from ganzoo.recipes.lock import read_lock
from ganzoo.registry.registry import Registry
from ganzoo.report.compare import compare
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import keep_score
from ganzoo.runs.files import sha256_of
from ganzoo.runs.score import Score
from ganzoo.sampling.sampler import Sampler
from ganzoo.scoring.features import features_of_batch
from ganzoo.training.external_scores import Keep, score_against

PICTURES = np.random.default_rng(0).integers(0, 256, (12, 1, 8, 8), dtype=np.uint8)
GREYS = np.random.default_rng(2).integers(0, 256, (99, 1, 8, 8), dtype=np.uint8)
GREY = SampleSpec("image", (1, 8, 8))
BROKEN = Path(__file__).with_name("broken_samples_plugin.py")


class WithNan(nn.Module):
    """Makes grey pictures; the samples with these indices hold a NaN."""

    latent_dim = 4

    def __init__(self, *wrong: int) -> None:
        super().__init__()
        self.wrong, self.made = wrong, 0

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        samples = torch.zeros(len(z), 1, 8, 8)
        for index in self.wrong:
            if 0 <= index - self.made < len(z):
                samples[index - self.made, 0, 3, 3] = torch.nan
        self.made += len(z)
        return samples


class Normal:
    """A standard normal latent."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, 4, generator=generator)


def sampler(*wrong: int) -> Sampler:
    return Sampler(WithNan(*wrong), GREY, Normal())


def broken_recipe(folder: Path, after: int, extractor: str | None) -> list[str]:
    recipe = {
        "recipe": 1,
        "name": "broken",
        "dataset": {"use": "digits"},
        "generator": {"use": "local/broken", "after": after},
        "discriminator": {"use": "mlp", "width": 8},
        "loss": "vanilla",
        "train": {"steps": 4, "batch_size": 16, "sample_every_steps": 4},
        "eval": {"extractor": extractor, "final_samples": 64, "samples": 64},
    }
    (folder / "broken.yaml").write_text(yaml.safe_dump(recipe))
    return ["run", str(folder / "broken.yaml"), "--plugin", str(BROKEN)]


# --- samples that are not finite ---


@pytest.mark.parametrize("wrong", [(0,), (3, 255, 256, 299), (299,)])
def test_generated_samples_that_are_not_finite_are_refused_and_counted(
    wrong: tuple[int, ...],
) -> None:
    said = f"{len(wrong)} of 300 samples .* not finite, the first is sample {wrong[0]}"
    with pytest.raises(Diverged, match=said):
        sampler(*wrong).sample(300)
    with pytest.raises(Diverged, match=r"1 of 12 samples .* the first is sample 5"):
        sampler(5).interpolate(3, 4)
    with pytest.raises(Diverged, match=r"1 of 12 samples .* the first is sample 5"):
        sampler(5).generate(torch.zeros(12, 4), None, seed=0)


def test_a_generator_that_is_not_finite_is_neither_scored_nor_sampled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(broken_recipe(tmp_path, after=1, extractor=None)) == 0
    said = r"(\d+) of 64 samples with values that are not finite, the first is sample \d+"
    (run,) = Path("runs").glob("broken-*")
    log = (run / "log.txt").read_text()
    assert re.search(f"no preview at step 4: .* {said}", log)
    assert re.search("not checked for collapse at step 4: .* of 256 samples", log)
    assert not list((run / "samples").glob("step-*"))
    for command in (
        ["sample", str(run), "--count", "64"],
        ["score", str(run), "eval.extractor=pixels"],
    ):
        capsys.readouterr()
        assert main(command) == Diverged.exit_code
        assert re.search(said, capsys.readouterr().err)


def test_an_evaluation_with_samples_that_are_not_finite_ends_the_run_as_diverged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(broken_recipe(tmp_path, after=1, extractor="pixels")) == Diverged.exit_code
    said = capsys.readouterr().err
    assert re.search(r"\d+ of 64 samples .* not finite", said)
    assert "try: ganzoo run" in said
    assert not list(Path("runs").glob("*/scores.jsonl"))


def test_a_check_finds_samples_that_are_not_finite_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*broken_recipe(tmp_path, 0, "pixels"), "generator.most=-100"]) == 2
    assert "gave samples that are not finite before it was trained" in capsys.readouterr().err


# --- metrics that cannot be computed ---


def conditional_recipe(folder: Path, samples: int, *metrics: str) -> list[str]:
    recipe = {
        "recipe": 1,
        "name": "conditional",
        "dataset": {"use": "digits"},
        "generator": {"use": "mlp", "width": 8},
        "discriminator": {"use": "mlp", "width": 8},
        "loss": "vanilla",
        "conditional": True,
        "train": {"steps": 2, "batch_size": 16},
        "eval": {"final_samples": samples, "samples": samples, "metrics": list(metrics)},
    }
    (folder / "conditional.yaml").write_text(yaml.safe_dump(recipe))
    return ["run", str(folder / "conditional.yaml")]


def only_run() -> Path:
    (run,) = Path("runs").glob("[!.]*")
    return run


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.arange(64) % 10, None),
        (None, "class-agreement is not computed: .* the samples have none"),
        (np.arange(63) % 10, "holds 64 samples, and labels as int64 of shape"),
        (np.arange(64) % 11, "holds the label 10; image 1x8x8, 10 classes"),
        (np.ones((64, 10)), r"labels as float64 of shape \(64, 10\)"),
    ],
)
def test_samples_are_scored_like_a_conditional_run_with_the_labels_of_their_npz(
    labels: np.ndarray | None,
    said: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(conditional_recipe(tmp_path, 64, "class-agreement")) == 0
    real = Digits("train").tensors()[0][:64].numpy()
    np.savez("own.npz", samples=real, **({} if labels is None else {"labels": labels}))
    capsys.readouterr()
    wrong = said is not None and "not computed" not in said
    code = main(["score", "own.npz", "--like", str(only_run()), "--json"])
    out, err = capsys.readouterr()
    assert code == (DataError.exit_code if wrong else 0)
    if wrong:
        assert re.search(str(said), err)
        return
    score = json.loads(out)
    assert score["value"] > 0
    assert ("class_agreement" in score["metrics"]) == (said is None)
    assert len(score["notes"]) == (said is not None)
    assert re.search(said or "", " ".join(score["notes"]))


def test_a_metric_that_cannot_be_computed_gives_a_note_and_no_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(conditional_recipe(tmp_path, 16, "intra-class", "kid")) == 0
    said = "intra-class is not computed: the metric 'intra-class' needs two samples of each class"
    assert capsys.readouterr().err.count(said) == 1
    for score in RunDirectory(only_run()).scores():
        assert set(score.metrics) == {"kid", "kid_standard_error"}
        assert score.notes[0].startswith(said)


def test_a_metric_that_needs_more_samples_than_a_score_has_is_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(conditional_recipe(tmp_path, 5, "density-coverage")) != 0
    assert "needs 5 neighbours, and one side has only 5 samples" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_a_resumed_run_may_drop_metrics_but_not_add_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(conditional_recipe(tmp_path, 16, "intra-class", "kid", "precision-recall")) == 0
    resume = ["resume", str(only_run()), "train.steps=4"]
    assert main([*resume, "eval.metrics=[density-coverage]"]) == 2
    assert "a resumed run takes no new metric: density-coverage" in capsys.readouterr().err
    assert main([*resume, "eval.metrics=[{use: kid, degree: 2}]"]) == 2
    assert main([*resume, "eval.metrics=[kid, precision-recall]"]) == 0
    lock = read_lock(only_run() / "recipe.lock.yaml")
    assert [each["use"] for each in lock["eval"]["metrics"]] == ["zoo/kid", "zoo/precision-recall"]
    found = {slot: each["id"] for slot, each in lock["lock"]["components"].items()}
    assert found["eval.metrics.0"] == "zoo/kid"
    assert found["eval.metrics.1"] == "zoo/precision-recall"
    assert "eval.metrics.2" not in found
    assert set(RunDirectory(only_run()).scores()[-1].metrics) >= {"kid", "recall"}
    assert main(["resume", str(only_run()), "train.steps=5"]) == 0


# --- samples of another form ---


@pytest.mark.parametrize(
    ("array", "said", "way"),
    [
        (PICTURES > 127, "holds bool, not uint8", "ARRAY"),
        ((PICTURES > 127).astype("u1"), "holds no level but 0 and 1", "255 * ARRAY"),
        (PICTURES / np.float32(255), "float32, not uint8; its values are from 0 to 1", "255 * A"),
        (PICTURES / 127.5 - 1, "float64, not uint8; .* from -1 to 1", r"127.5 * (ARRAY + 1)"),
        (PICTURES.astype("f4"), "float32, not uint8; .* from 0 to 255", "ARRAY.round()"),
        (PICTURES.astype("i8"), "int64, not uint8; .* from 0 to 255", "ARRAY"),
        (PICTURES.astype("f4") * 9, "float32, not uint8; .* from 0 to 2295", "from 0 to 255"),
    ],
)
def test_pixels_of_a_wrong_range_or_type_are_refused_with_a_conversion(
    array: np.ndarray, said: str, way: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "own.npz", samples=array)
    with pytest.raises(DataError, match=said) as caught:
        score_against(tmp_path / "own.npz", "digits", {}, extractor="pixels")
    assert way in str(caught.value.hint)


def test_black_samples_are_scored(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", samples=np.zeros_like(PICTURES))
    assert score_against(tmp_path / "own.npz", "digits", {}, extractor="pixels").value > 0


@pytest.mark.parametrize(
    ("samples", "reference", "said"),
    [
        ("jpg", "png", "JPEG pictures, and those of the reference are PNG"),
        ("jpg", "jpg", None),
        ("png", "jpg", None),
        ("jpg", "npz", "JPEG pictures, and the reference may not be"),
        ("jpg", None, "JPEG pictures, and the reference may not be"),
    ],
)
def test_a_score_of_jpeg_pictures_against_another_format_has_a_note(
    samples: str, reference: str | None, said: str | None, tmp_path: Path
) -> None:
    for name, suffix in (("own", samples), ("real", reference)):
        if suffix == "npz":
            np.savez(tmp_path / "real.npz", samples=PICTURES)
            continue
        for number, each in enumerate(PICTURES if suffix else ()):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(each[0]).save(tmp_path / name / f"{number}.{suffix}")
    name = "real.npz" if reference == "npz" else "real"
    against = str(tmp_path / name) if reference else "digits"
    notes = score_against(tmp_path / "own", against, {}, extractor="pixels").notes
    assert len(notes) == bool(said)
    assert re.search(said or "", "".join(notes))


# --- the table ---


def test_equal_means_share_a_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scores = {"a": 2.0, "b": 2.0, "c": 3.0}
    for name, value in scores.items():
        np.savez(f"{name}.npz", samples=PICTURES + np.uint8(len(name) * ord(name)))
        score = score_against(Path(f"{name}.npz"), "digits", {}, extractor="pixels")
        keep_score(replace(score, value=value), name, Path("runs"), sha256=name)
    assert {row.name: row.rank for row in compare().ranked} == {"a": 1, "b": 1, "c": 3}


def test_compare_ranks_the_requested_protocol_and_lists_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ids = {}
    for name, count in (("a", 12), ("b", 12), ("c", 9)):
        np.savez(f"{name}.npz", samples=PICTURES[:count] // ord(name))
        path = Path(f"{name}.npz")
        score = score_against(path, "digits", {}, extractor="pixels", keep=Keep(name))
        ids[name] = score.protocol.id
    assert main(["compare"]) == 0
    shown = capsys.readouterr().out
    assert re.search(
        rf"{ids['a']}  FD.*12 .*, 2 runs \(this table\)\n  {ids['c']} .*, 1 run", shown
    )
    assert [row.name for row in compare(protocol=ids["c"][:6]).ranked] == ["c"]
    assert {row.name for row in compare(protocol=ids["a"]).ranked} == {"a", "b"}
    assert main(["compare", "--protocol", "nothing"]) == 2
    said = capsys.readouterr().err
    assert "--protocol nothing: no such protocol; there are" in said
    assert f"try: ganzoo compare --protocol {ids['a']}" in said


def test_the_expected_score_of_real_samples_is_not_called_a_floor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", samples=PICTURES)
    words = ["score", "a.npz", "--against", "digits", "--extractor", "pixels", "--name", "a"]
    assert main(words) == 0
    assert main(["compare"]) == 0
    shown = capsys.readouterr().out
    assert "expected_real" in shown
    assert "no lower bound\n" in shown
    assert "ganzoo score held-out.npz --name real --yardstick" in shown
    assert "floor" not in shown


# --- references in npz files ---


def features(pictures: np.ndarray) -> np.ndarray:
    """Return the features of `pixels`, float64 (N, D)."""
    extractor = make(adhoc_component(Registry(), "extractor", "pixels", {}))
    batch = torch.from_numpy(pictures)
    return features_of_batch(batch, extractor, GREY, torch.device("cpu")).double().numpy()


def statistics_of(pictures: np.ndarray, path: Path, dtype: str = "f8") -> str:
    rows = features(pictures)
    mu, sigma = rows.mean(0), np.cov(rows, rowvar=False)
    np.savez(path, mu=mu.astype(dtype), sigma=sigma.astype(dtype))
    return str(path)


def scored(path: Path, against: str, keep: Keep | None = None) -> Score:
    return score_against(path, against, {}, extractor="pixels", keep=keep)


@pytest.mark.parametrize("count", [12, 200])
def test_a_score_is_the_same_against_data_samples_and_their_statistics(
    count: int, tmp_path: Path
) -> None:
    own = np.random.default_rng(1).integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)
    real = Digits("train").tensors()[0].numpy()
    np.savez(tmp_path / "own.npz", samples=own)
    np.savez(tmp_path / "real.npz", arr_0=real.transpose(0, 2, 3, 1))
    known = scored(tmp_path / "own.npz", "digits")
    same = scored(tmp_path / "own.npz", str(tmp_path / "real.npz"))
    assert same.value == pytest.approx(known.value, rel=1e-9)
    assert same.protocol.reference_sha256 == known.protocol.reference_sha256
    assert (same.protocol.reference, same.protocol.n_real) == ("npz", len(real))
    for dtype, tolerance in (("f8", 1e-9), ("f4", 1e-5)):
        stats = statistics_of(real, tmp_path / "stats.npz", dtype)
        found = scored(tmp_path / "own.npz", stats)
        assert found.value == pytest.approx(known.value, rel=tolerance)
        assert found.statistics
        assert known.statistics
        assert found.statistics.standard_error == pytest.approx(
            known.statistics.standard_error, rel=1e-4
        )
        assert found.statistics.expected_real is None
        assert found.protocol.n_real is None
        assert found.protocol.reference_sha256 == sha256_of(Path(stats))
        assert found.notes[0].startswith("the reference's features are another tool's")


def test_scores_against_two_files_of_statistics_are_not_ranked_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("own.npz", samples=PICTURES)
    for number in range(3):
        np.savez(f"{number}.npz", samples=PICTURES // (number + 2))
        stats = statistics_of(GREYS, Path(f"stats{number // 2}.npz"), ("f8", "f8", "f4")[number])
        scored(Path(f"{number}.npz"), stats, Keep(f"s{number}"))
    assert {row.name for row in compare().ranked} == {"s0", "s1"}
    assert main(["compare"]) == 0
    shown = capsys.readouterr().out
    assert "FD(pixels) 12 · statistics   12 generated against an unknown number of real" in shown
    assert "s2" in shown.split("not ranked")[1]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"mu": np.zeros(9), "sigma": np.eye(9)}, "statistics of 9 features, and pixels gives 64"),
        ({"mu": np.zeros(64), "sigma": np.eye(9)}, r"sigma of shape \(9, 9\), not \(D,\)"),
        ({"mu": np.zeros((1, 64)), "sigma": np.eye(64)}, r"mu of shape \(1, 64\)"),
        ({"mu": np.zeros(64)}, "mu and sigma go together"),
        ({"mu": np.zeros(64), "sigma": np.eye(64) * np.nan}, "not finite"),
        ({"mu": np.zeros(64), "sigma": np.triu(np.ones((64, 64)))}, "no covariance matrix"),
        ({"mu": np.zeros(64), "sigma": np.eye(64).astype(str)}, "sigma holds no numbers"),
        ({"samples": np.zeros((4, 1, 8, 9), "u1")}, r"shape \(1, 8, 8\), the reference"),
        ({"samples": np.zeros((4, 2, 2, 2, 2), "u1")}, "neither pictures nor vectors"),
        ({"samples": PICTURES / 255.0}, "holds float64, not uint8"),
    ],
)
def test_an_npz_that_is_no_reference_is_one_clear_error(
    arrays: dict[str, np.ndarray], said: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "own.npz", samples=PICTURES)
    np.savez(tmp_path / "real.npz", **arrays)
    with pytest.raises(DataError, match=said):
        scored(tmp_path / "own.npz", str(tmp_path / "real.npz"))


ALPHA = np.full_like(PICTURES, 255)


@pytest.mark.parametrize(
    ("array", "said", "way"),
    [
        (PICTURES.astype("f2"), "float16, not uint8; .* from 0 to 255", "=ARRAY.round()"),
        ((PICTURES / 255).astype("f2"), "float16, not uint8; .* from 0 to 1", "=(255 * ARRAY)"),
        (PICTURES.astype("i2"), "int16, not uint8; .* from 0 to 255", "=ARRAY.round()"),
        (PICTURES.astype("u2"), "uint16, not uint8; .* from 0 to 255", "=ARRAY.round()"),
        (PICTURES.astype("u2") * 257, "uint16, .* from 0 to 65535", "=(ARRAY / 257).round()"),
        (PICTURES.astype("u8"), "uint64, not uint8; .* from 0 to 255", "=ARRAY.round()"),
        (PICTURES.astype("f4") + 1e-4, "float32, .* to 255.0001", "ARRAY.round().clip(0, 255)"),
        (
            (PICTURES / 127.5 - 1) * 1.0001,
            "float64, .* from -1.0001 to 1.0001",
            "(127.5 * (ARRAY + 1)).round().clip(0, 255)",
        ),
        (
            np.where(PICTURES > 253, np.nan, PICTURES),
            r"\d+ of 12 samples hold values that are not finite, the first is sample \d+",
            "diverged",
        ),
        (np.full(PICTURES.shape, np.inf, "f4"), "12 of 12 samples .* not finite", "diverged"),
        (np.concatenate([PICTURES, ALPHA], 1), "2 channels, the last of them alpha", "without"),
        (
            np.concatenate([PICTURES.repeat(3, 1), ALPHA], 1).transpose(0, 2, 3, 1),
            "4 channels, the last of them alpha",
            "without alpha",
        ),
        (PICTURES.astype(complex), "holds complex128, not uint8", "uint8"),
    ],
)
def test_arrays_of_other_types_are_refused_with_what_to_do(
    array: np.ndarray,
    said: str,
    way: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    np.savez(tmp_path / "own.npz", samples=array)
    words = ["score", str(tmp_path / "own.npz"), "--against", "digits", "--extractor", "pixels"]
    with np.errstate(invalid="ignore"):
        assert main(words) == DataError.exit_code
    err = capsys.readouterr().err
    assert re.search(said, err)
    assert way in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_grey_pictures_of_three_equal_channels_are_scored_as_grey(
    axes: tuple[int, ...], tmp_path: Path
) -> None:
    np.savez(tmp_path / "one.npz", samples=PICTURES)
    np.savez(tmp_path / "three.npz", samples=PICTURES.repeat(3, 1).transpose(axes))
    one, three = (scored(tmp_path / f"{name}.npz", "digits") for name in ("one", "three"))
    assert one.value == three.value
