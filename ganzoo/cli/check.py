"""``ganzoo check``: find every problem of a recipe before it is trained."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit, say


@click.command()
@options.recipe
@options.overrides
@click.option("--data", "with_data", is_flag=True, help="Also decode every training sample.")
@options.plugin
def check(recipe: str, overrides: tuple[str, ...], with_data: bool, plugin: Path | None) -> None:
    """Check RECIPE: YAML, keys, ids, parameters, and whether components fit; then try them.

    The trial is an update of G and D, samples and their preview, schedules, the extractor and
    every metric, on a few samples.

    All problems are shown at once, each with file, line and column. Nothing is written.
    """
    from ganzoo.components.data import check_readable
    from ganzoo.training.launch import prepare

    plan = prepare(recipe, overrides, options.registry(plugin))
    for note in plan.notes:
        say(f"note: {note}")
    if with_data:
        for line in check_readable(plan.dataset):
            say(f"left out: {line}")
        say(f"data: {len(plan.dataset)} samples can be read")
    emit(
        f"{plan.recipe.name}: ok, {plan.spec}, {len(plan.dataset)} samples, "
        f"{plan.budget.steps} steps"
    )
