"""pix2pix learns to fill outlines."""

from pathlib import Path

import ganzoo
from ganzoo.cli import main

METHOD = Path(__file__).parent / "methods" / "pix2pix.py"


def test_the_distance_to_the_target_falls_in_forty_steps(tmp_path: Path) -> None:
    recipe = METHOD.with_suffix(".yaml")
    words = ["train.steps=40", "train.log_every_steps=10", "--plugin", METHOD, "--runs-dir"]
    assert main([str(word) for word in ("run", recipe, *words, tmp_path)]) == 0
    rows = ganzoo.load("last", tmp_path).directory.metrics()
    distances = [row["g/local/l1/l1"] for row in rows]
    assert distances[-1] < 0.75 * distances[0]
