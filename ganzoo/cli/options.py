"""Options that several commands share, and the parsers of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo.cli import completion
from ganzoo.runs.references import DEFAULT_DIRECTORY

Command = Callable[..., Any]

recipe = click.argument("recipe", shell_complete=completion.recipes)
overrides = click.argument(
    "overrides", nargs=-1, metavar="[KEY=VALUE…]", shell_complete=completion.overrides
)
run = click.argument("reference", metavar="RUN", shell_complete=completion.runs)
runs_directory = click.option(
    "--runs-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_DIRECTORY,
    show_default=True,
    help="Directory of the runs.",
)
plugin = click.option(
    "--plugin",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Python file of components, named local/NAME.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
checkpoint = click.option(
    "--checkpoint",
    default="final",
    show_default=True,
    metavar="WHICH",
    help="final, best, or the step of a saved checkpoint.",
)
expect_processes = click.option(
    "--expect-processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fail unless there are exactly N processes.",
)

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_SECONDS = (86400, 3600, 60, 1)


class Duration(click.ParamType[float]):
    """A time such as ``3h50m``, ``90s`` or ``45`` (seconds)."""

    name = "duration"

    def convert(self, value: Any, param: Any, context: Any) -> float:
        match = _DURATION.fullmatch(str(value))
        if not value or match is None:
            self.fail(f"{value!r} is not a time such as 3h50m or 90s", param, context)
        parts = zip(match.groups(), _SECONDS, strict=True)
        total = float(sum(int(number or 0) * seconds for number, seconds in parts))
        if total == 0:
            self.fail(
                f"{value!r} is not a positive time; leave it out for no limit", param, context
            )
        return total


max_time = click.option(
    "--max-time",
    type=Duration(),
    metavar="TIME",
    help="After this time (3h50m), save and exit with 75; `ganzoo resume` continues.",
)

MOST_SEEDS = 10_000


class Seeds(click.ParamType[tuple[int, ...]]):
    """Seeds as ``0,1,2`` or ``0-4``."""

    name = "seeds"

    def convert(self, value: Any, param: Any, context: Any) -> tuple[int, ...]:
        seeds: list[int] = []
        for part in str(value).split(","):
            match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
            if match is None:
                self.fail(f"{value!r} is not a list of seeds such as 0,1,2 or 0-4", param, context)
            first = int(match[1])
            last = int(match[2] or first)
            if last < first:
                self.fail(f"{part.strip()!r} runs backwards", param, context)
            if len(seeds) + last - first >= MOST_SEEDS:
                self.fail(f"{value!r} is more than {MOST_SEEDS} seeds", param, context)
            seeds += range(first, last + 1)
        return tuple(dict.fromkeys(seeds))


def registry(plugin: Path | None) -> Any:
    """Return the registry of a command, with the ``--plugin`` file if one is given."""
    from ganzoo.registry.registry import Registry

    return Registry.with_local(plugin) if plugin else Registry()


def parameters(words: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of a component from PARAMETER=VALUE, read as in a recipe."""
    from ganzoo.recipes.overrides import override_layer

    return override_layer([f"dataset.{word}" for word in words]).data.get("dataset", {})


def which(checkpoint: str) -> str | int:
    """Return ``--checkpoint`` in the form that `ganzoo.training.run.Run` takes."""
    if checkpoint in ("final", "best"):
        return checkpoint
    if not checkpoint.isdigit():
        raise click.BadParameter(
            f"{checkpoint!r} is not final, best or a step", param_hint="--checkpoint"
        )
    return int(checkpoint)
