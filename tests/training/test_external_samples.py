"""Samples of other tools: each process scores its own share of them."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.components.build import make
from ganzoo.components.parameters import adhoc_component
from ganzoo.errors import DataError
from ganzoo.registry.registry import Registry
from ganzoo.report.compare import compare
from ganzoo.training.external_scores import Keep, score_against
from ganzoo.training.processes import find_processes
from ganzoo.training.scorer import Scorer


def test_two_processes_do_not_score_a_sample_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def count(self: object, fake: object) -> None:
        seen.extend(len(samples) for samples, _ in fake)  # type: ignore[attr-defined]

    samples = np.random.default_rng(0).integers(256, size=(9, 1, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "samples.npz", samples=samples)
    monkeypatch.setattr("ganzoo.training.scorer.Scorer.score", count)
    monkeypatch.setattr("ganzoo.scoring.collectives.true_on_all_ranks", lambda flag, device: flag)
    for rank in range(2):
        monkeypatch.setattr("ganzoo.scoring.collectives.rank_and_size", lambda rank=rank: (rank, 2))
        score_against(tmp_path / "samples.npz", "digits", {})
    assert seen == [5, 4]


def test_a_score_that_is_kept_is_a_row_of_the_leaderboard_with_a_picture(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(256, size=(99, 1, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "samples.npz", samples=samples)
    keep = Keep("noise", tmp_path / "runs", seed=3, yardstick=True, description="uniform noise")
    score = score_against(tmp_path / "samples.npz", "digits", {}, keep=keep)
    comparison = compare(runs_directory=tmp_path / "runs")
    (row,) = comparison.ranked
    assert (row.name, row.seeds, row.values) == ("noise", (3,), (score.value,))
    (directory,) = comparison.directories.values()
    about = directory.info()["samples"]
    assert len(about.pop("sha256")) == 64
    assert about == {"kind": "yardstick", "description": "uniform noise"}
    with Image.open(directory.samples_directory / "samples.png") as picture:
        assert picture.size == (8 * 40 + 8, 8 * 40 + 8)


def test_a_metric_that_asks_for_a_split_that_is_not_there_is_left_out_with_a_note(
    tmp_path: Path,
) -> None:
    pictures = np.random.default_rng(0).integers(256, size=(9, 8, 8, 3), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    registry = Registry()
    dataset = adhoc_component(registry, "dataset", "folder", {"path": str(tmp_path)})
    extractor = adhoc_component(registry, "extractor", "pixels", {})
    metric = adhoc_component(registry, "metric", "memorisation", {})
    scorer = Scorer(dataset, "train", make(dataset, "train"), extractor, [metric], find_processes())
    score = scorer.score([(torch.from_numpy(pictures).permute(0, 3, 1, 2), None)])
    assert score.value < 1e-6
    assert not score.metrics
    assert re.search("memorisation is not .* has no test split, and a metric asks", score.notes[0])


def test_advice_on_a_split_is_what_the_command_takes(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("L", (8, 8), number).save(tmp_path / f"{number}.png")
    with pytest.raises(DataError, match="has no test split") as caught:
        score_against(tmp_path, str(tmp_path), {}, split="test", extractor="pixels")
    assert caught.value.hint == "holdout=0.1, or holdout=FOLDER, or --split train"
