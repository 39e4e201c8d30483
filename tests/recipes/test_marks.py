"""Each key says whether it changes numbers; resume, schedules and identity read that."""

import re
from pathlib import Path

from ganzoo.recipes.schema import Mark, marked

PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"
ROW = re.compile(r"^\| (?P<switch>.+?) \| (?P<effect>bit-identical|rounding|changes training) \|")
MEASURED = {"train.ema", "train.batch_norm"}
"""Keys in the table of which one aspect changes rounding only: the way, not the value."""


def keys_of(*effects: str) -> set[str]:
    """Return the keys of `train` that the table in docs/performance.md gives such an effect."""
    rows = map(ROW.match, PERFORMANCE.read_text(encoding="utf-8").splitlines())
    switches = [row["switch"] for row in rows if row and row["effect"] in effects]
    return {key for switch in switches for key in re.findall(r"`(train\.\w+)", switch)}


def test_the_keys_of_execution_are_those_that_are_shown_to_change_rounding_at_most() -> None:
    execution = {key for key in marked(Mark.EXECUTION) if key.startswith("train.")}
    assert execution == keys_of("bit-identical", "rounding") - MEASURED
    assert not execution & keys_of("changes training")


def test_marks_are_paths_in_the_order_of_the_schema() -> None:
    assert marked(Mark.SCHEDULABLE) == (
        "train.ema.half_life_samples",
        "train.ema.ramp_up",
        "train.clip_grad_norm",
    )
    assert marked(Mark.BUDGET, Mark.CADENCE)[:2] == ("train.steps", "train.samples")
    assert "eval.every_steps" in marked(Mark.CADENCE)
