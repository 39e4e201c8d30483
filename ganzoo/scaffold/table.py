"""The file of a new recipe for a table of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ganzoo.recipes.load import FORMAT
from ganzoo.recipes.yaml import yaml_line

if TYPE_CHECKING:
    from ganzoo.modalities import Column, SampleSpec

EPOCHS, BATCH, MOST_STEPS = 300, 500, 20_000
"""CTGAN trains 300 epochs of batches of 500; steps above 20,000 are left to who wants them."""
PACK = 10
SHOWN = 5


def table_text(file: str, path: str, rows: int, spec: SampleSpec) -> str:
    """Return the recipe for a table.

    Args:
        file: name of the recipe's file.
        path: of the table, as the recipe is to write it.
        rows: of the training split.
        spec: its columns, as they were found.
    """
    parts = [_head(file, rows, spec), _dataset(path, spec), _networks(spec), _training(rows)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(file: str, rows: int, spec: SampleSpec) -> Iterator[str]:
    columns = len(spec.columns)
    yield f"# {rows:,} rows to train on, {columns} column{'s' if columns > 1 else ''}."
    yield f"#   ganzoo run {file}                                train, score, save samples"
    yield "#   ganzoo sample last --count 10000 --out new.csv   draw new rows"
    yield f"recipe: {FORMAT}"
    yield f"name: {yaml_line(file.removesuffix('.yaml'))}"


def _dataset(path: str, spec: SampleSpec) -> Iterator[str]:
    yield "dataset:"
    yield "  use: table/file"
    yield f"  path: {yaml_line(path)}  # seen from this file"
    yield "  # What each column holds. Correct a line where that is wrong: integer, float, boolean,"
    yield "  # datetime or category."
    yield "  columns:"
    yield from (
        f"    {yaml_line(column.name)}: {column.kind}{_about(column)}" for column in spec.columns
    )
    yield "  holdout: 0.1  # share of the rows that are never trained on, for scores"


def _about(column: Column) -> str:
    words = []
    if column.kind == "category":
        words.append(f"{len(column.categories):,} categories")
    if column.range and column.kind in ("integer", "float"):
        words.append(f"{column.range[0]:g} to {column.range[1]:g}")
    if column.missing:
        words.append("some missing")
    return f"  # {', '.join(words)}" if words else ""


def _networks(spec: SampleSpec) -> Iterator[str]:
    if spec.condition:
        yield "# CTGAN (arXiv:1907.00503): G is asked for a category of one column at a time, so"
        yield "# that rare ones are learned too; `ganzoo sample --where COLUMN=VALUE` asks for one."
        yield "conditional: true"
    else:
        yield "# CTGAN's networks (arXiv:1907.00503); no column has categories to ask for."
    yield "generator: table/ctgan"
    yield "discriminator: table/ctgan"
    yield "loss: wgan-gp"
    if spec.condition:
        yield "regularizers:"
        yield "  table/condition: {}"
    yield "optimizers:"
    yield "  generator: {use: adamw, lr: 2e-4, betas: [0.5, 0.9], weight_decay: 1e-6}"
    yield "  discriminator: {use: adam, lr: 2e-4, betas: [0.5, 0.9]}"


def _training(rows: int) -> Iterator[str]:
    batch = BATCH if rows >= BATCH else max(rows // PACK, 1) * PACK
    steps = max(min(EPOCHS * max(rows // batch, 1), MOST_STEPS), 1000)
    yield "train:"
    yield f"  steps: {steps}  # {steps * batch / rows:.0f} times through the rows"
    yield f"  batch_size: {batch}  # a multiple of 10, since D judges packs of 10 rows"
    yield "eval:"
    yield "  metrics:"
    yield "    - table/column-shapes   # single columns"
    yield "    - table/pair-trends     # two columns together"
    yield "    - table/c2st            # can a classifier tell the rows apart?"
    yield "    - table/closest-record  # are rows copied?"
