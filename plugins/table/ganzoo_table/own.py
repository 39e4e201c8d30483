"""The recipe for a table of somebody's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ganzoo.api import Column, DataError, OwnData, OwnRecipe, SampleSpec

EPOCHS, BATCH, MOST_STEPS = 300, 500, 20_000
"""CTGAN trains 300 epochs of batches of 500; steps above 20,000 are left to who wants them."""
PACK = 10
HOLDOUT, FEW = 0.1, 20
"""Share of the rows that is held out, unless the file has fewer rows than this."""
LEAST = 10
"""Rows of the hold-out, a ninth of the others, that a classifier of five folds needs."""


def table_recipe(
    own: OwnData,
    rows: int,
    spec: SampleSpec,
    notes: Mapping[str, str],
    skipped: Mapping[str, str],
    holdout: float,
) -> OwnRecipe:
    """Return the recipe for a table.

    Args:
        rows: of the training split.
        spec: its columns, as they were found.
        notes: what to know of some columns, by their names.
        skipped: type of each column that is left out, by its name.
        holdout: share of the rows that is not in the training split.

    Raises:
        DataError: a column has a name that no recipe can have.
    """
    for name in (*(column.name for column in spec.columns), *skipped):
        if not name.isprintable() or name == "<<":
            what = f"{own.data}: a recipe cannot hold the name of the column {name!r}"
            raise DataError(what, hint="give it a name of letters, digits, signs and spaces")
    parts = [_dataset(own, rows, spec, notes, skipped, holdout), _networks(spec), _training(rows)]
    columns = len(spec.columns)
    about = [f"{rows:,} rows to train on, {columns} column{'s' if columns > 1 else ''}."]
    if any(column.kind == "datetime" for column in spec.columns):
        about += ["Rows are learned one by one; windows of a time series: --as table/windows."]
    numbers = [column.name for column in spec.columns if _is_number(column.name)]
    if numbers and own.data.suffix.lower() != ".parquet":
        about += [f"Line 1 names the columns. Is that line missing? {numbers[0]} is a number."]
    return OwnRecipe(about, "\n\n".join("\n".join(part) for part in parts), _samples(own))


def _samples(own: OwnData) -> str:
    """Return a file for new rows, of the suffix of the data."""
    return f"new{own.data.suffix.lower()}"


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _dataset(
    own: OwnData,
    rows: int,
    spec: SampleSpec,
    notes: Mapping[str, str],
    skipped: Mapping[str, str],
    holdout: float,
) -> Iterator[str]:
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
    for name, kind in skipped.items():
        yield f"    {own.yaml(name)}: skip  # {kind}: store it as text to keep it"
    if holdout:
        yield f"  holdout: {holdout}  # share of the rows that are never trained on, for scores"
    else:
        yield "  holdout: 0  # all rows are trained on: too few to hold some out for scores"


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
    if rows >= 9 * LEAST:
        yield "    - table/c2st            # can a classifier tell the rows apart?"
    yield "    - table/closest-record  # are rows copied?"
