"""A csv, tsv or parquet file of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ganzoo.api import Column, DataError, Fraction, OwnData, OwnRecipe
from ganzoo_table.datasets.rows import Rows
from ganzoo_table.fitting import fit_column
from ganzoo_table.kinds import SKIP, check_kinds, stored_column, unreadable
from ganzoo_table.own import FEW, HOLDOUT, table_recipe
from ganzoo_table.reading import Source, read_source


class File(Rows):
    """Rows of a csv, tsv or parquet file, whose first line names the columns.

    What a column holds is found out: integers, floats, true and false, datetimes, or else
    categories. Numbers with leading zeros are categories. Cells that are empty, NA, NaN or null are
    missing. How numbers are given to networks is fitted to the training rows alone.

    Args:
        path: csv (comma, semicolon, tab or bar), tsv or parquet; text is UTF-8.
        columns: kinds that differ from what is found: {postcode: category}. One of float, integer,
            boolean, datetime, category, or skip, which leaves the column out.
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
        source = read_source(path)
        kinds = columns or {}
        check_kinds(kinds, source)
        self.path = path
        self.notes: dict[str, str] = {}
        self.skipped = []
        for name in [name for name in source.columns if kinds.get(name) == SKIP]:
            del source.columns[name]
            self.skipped.append(f"the column {name!r} of {path.name}, as dataset.columns says")
        train, test = _split(source.rows, holdout, path)
        fitted, values = self._columns(source, kinds, train, train if split == "train" else test)
        super().__init__(fitted, values, source.separator)

    def _columns(
        self, source: Source, kinds: Mapping[str, str], train: np.ndarray, chosen: np.ndarray
    ) -> tuple[list[Column], np.ndarray]:
        """Return fitted columns and the chosen rows. Each column's text is freed in its turn."""
        names = list(source.columns)
        fitted, values = [], np.empty((len(names), len(chosen)))
        for index, name in enumerate(names):
            cells = source.columns.pop(name)
            stored = stored_column(source, name, cells, kinds.get(name))
            del cells
            fitted.append(fit_column(stored.column, stored.values[train]))
            values[index] = stored.values[chosen]
            if stored.note:
                self.notes[name] = stored.note
        return fitted, values.T

    @staticmethod
    def new_recipe(own: OwnData) -> OwnRecipe:
        """Return CTGAN for this table, with its columns to correct."""
        source = read_source(own.data)
        skipped = unreadable(source)
        holdout = HOLDOUT if source.rows >= FEW else 0.0
        del source
        columns = dict.fromkeys(skipped, SKIP)
        rows = File("train", path=own.data, columns=columns, holdout=holdout)
        return table_recipe(own, len(rows), rows.spec, rows.notes, skipped, holdout)

    def source_files(self) -> dict[str, Path]:
        return {self.path.name: self.path}


def _split(count: int, holdout: float, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the splits ``train`` and ``test``, in the order of the file."""
    order = np.random.default_rng(0).permutation(count)
    held_out = round(holdout * count)
    if count < 2:
        raise DataError(
            f"{path} has {count} row: too few to train on", hint="a file of 2 rows or more"
        )
    if count - held_out < 2:
        what = f"{path} has {count} rows: with {held_out} held out, too few to train on"
        raise DataError(what, hint="dataset.holdout=0")
    return np.sort(order[held_out:]), np.sort(order[:held_out])
