"""The recipe for a table of somebody's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ganzoo.api import Column, OwnData, OwnRecipe, SampleSpec

EPOCHS, BATCH, MOST_STEPS = 300, 500, 20_000
"""CTGAN trains 300 epochs of batches of 500; steps above 20,000 are left to who wants them."""
PACK = 10


def table_recipe(own: OwnData, rows: int, spec: SampleSpec, notes: Mapping[str, str]) -> OwnRecipe:
    """Return the recipe for a table.

    Args:
        rows: of the training split.
        spec: its columns, as they were found.
        notes: what to know of some columns, by their names.
    """
    parts = [_dataset(own, rows, spec, notes), _networks(spec), _training(rows)]
    columns = len(spec.columns)
    about = [f"{rows:,} rows to train on, {columns} column{'s' if columns > 1 else ''}."]
    if any(column.kind == "datetime" for column in spec.columns):
        about += ["Rows are learned one by one; windows of a time series: --as table/windows."]
    return OwnRecipe(about, "\n\n".join("\n".join(part) for part in parts), _samples(own))


def _samples(own: OwnData) -> str:
    """Return a file for new rows, of the suffix of the data."""
    return f"new{own.data.suffix.lower()}"


def _dataset(own: OwnData, rows: int, spec: SampleSpec, notes: Mapping[str, str]) -> Iterator[str]:
    yield "dataset:"
    yield "  use: table/file"
    yield f"  path: {own.yaml(own.path)}  # seen from this file"
    yield "  # What each column holds. Correct a line where that is wrong: integer, float, boolean,"
    yield "  # datetime or category; skip leaves the column out."
    yield "  columns:"
    for column in spec.columns:
        about = [
            *_about(column),
            *_every_row(column, rows),
            *filter(None, [notes.get(column.name)]),
        ]
        comment = f"  # {', '.join(about)}" if about else ""
        yield f"    {own.yaml(column.name)}: {column.kind}{comment}"
    yield "  holdout: 0.1  # share of the rows that are never trained on, for scores"


def _about(column: Column) -> Iterator[str]:
    if column.kind == "category" and column.categories != ("",):
        count = len(column.categories)
        yield f"{count:,} categories" if count > 1 else "1 category"
    if column.range and column.kind in ("integer", "float"):
        yield f"{column.range[0]:g} to {column.range[1]:g}"
    if column.kind == "datetime" and column.pattern:
        yield f"as {column.pattern}"
    if column.missing:
        yield "some missing"


def _every_row(column: Column, rows: int) -> Iterator[str]:
    if column.kind == "category" and len(column.categories) >= max(rows, 2):
        yield "one for each row: skip may be better"


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
    yield f"  every_steps: {steps // 4}"
    yield "  metrics:"
    yield "    - table/column-shapes   # single columns"
    yield "    - table/pair-trends     # two columns together"
    yield "    - table/c2st            # can a classifier tell the rows apart?"
    yield "    - table/closest-record  # are rows copied?"
