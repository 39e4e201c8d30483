"""A csv, tsv or parquet file of the user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganzoo.api import Column, DataError, Fraction, OwnData, OwnRecipe
from ganzoo_table.datasets.rows import Rows
from ganzoo_table.fitting import fit_column
from ganzoo_table.own import table_recipe
from ganzoo_table.reading import checked_kinds, read_table, stored_column


class File(Rows):
    """Rows of a csv, tsv or parquet file, whose first line names the columns.

    What a column holds is found out: integers, floats, true and false, datetimes, or else
    categories. Numbers with leading zeros are categories. Cells that are empty, NA, NaN or null are
    missing. How numbers are given to networks is fitted to the training rows alone.

    Args:
        path: csv (comma or semicolon), tsv or parquet, UTF-8.
        columns: kinds that differ from what is found: {postcode: category}. One of float, integer,
            boolean, datetime, category.
        holdout: share of the rows of the split ``test``; every row is in one split.

    Raises:
        DataError: the file cannot be read, or holds something else. Names the line or the column.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        columns: dict[str, str] | None = None,
        holdout: Fraction = 0.1,
    ) -> None:
        if split not in ("train", "test"):
            raise DataError(f"a table has no split {split!r}", hint="eval.reference=train")
        table = read_table(path)
        kinds = columns or {}
        checked_kinds(kinds, table.column_names, path)
        self.path = path
        found: list[Column] = []
        values = np.empty((table.num_rows, table.num_columns))
        for index, name in enumerate(table.column_names):
            column, values[:, index] = stored_column(name, table[name], kinds.get(name), path)
            found.append(column)
        del table
        train, test = _split(len(values), holdout, path)
        fitted = [fit_column(each, values[train, index]) for index, each in enumerate(found)]
        super().__init__(fitted, values[train if split == "train" else test])

    @staticmethod
    def new_recipe(own: OwnData) -> OwnRecipe:
        """Return CTGAN for this table, with its columns to correct."""
        rows = File("train", path=own.data)
        return table_recipe(own, len(rows), rows.spec)

    def source_files(self) -> dict[str, Path]:
        return {self.path.name: self.path}


def _split(count: int, holdout: float, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the splits ``train`` and ``test``, in the order of the file."""
    order = np.random.default_rng(0).permutation(count)
    held_out = round(holdout * count)
    if count - held_out < 2:
        raise DataError(f"{path} has {count} rows: too few to train on", hint="dataset.holdout=0")
    return np.sort(order[held_out:]), np.sort(order[:held_out])
