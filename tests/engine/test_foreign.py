"""Samples of other tools: each process scores its own share of them."""

from pathlib import Path

import numpy as np
import pytest

from ganzoo.engine.foreign import score_against


def test_two_processes_do_not_score_a_sample_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def count(self: object, fake: object) -> None:
        seen.extend(len(samples) for samples, _ in fake)  # type: ignore[attr-defined]

    samples = np.random.default_rng(0).integers(256, size=(9, 1, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "samples.npz", samples=samples)
    monkeypatch.setattr("ganzoo.engine.scorer.Scorer.score", count)
    for rank in range(2):
        monkeypatch.setattr("ganzoo.scoring.ranks.world", lambda rank=rank: (rank, 2))
        score_against(tmp_path / "samples.npz", "digits", {})
    assert seen == [5, 4]
