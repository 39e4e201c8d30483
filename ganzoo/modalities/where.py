"""Conditions on the columns of a table, such as ``income=>50k`` or ``age>=30``."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import DataError, UsageError
from ganzoo.modalities.contract import SampleSpec
from ganzoo.modalities.table_files import cell_value, listed

if TYPE_CHECKING:
    from torch import Tensor

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
"""Longer ones first. ``income=>50k`` is ``=`` and ``>50k``: no operator begins with ``=>``."""


class Clause(NamedTuple):
    """A comparison of one column with a value in stored form; NaN stands for missing."""

    column: int
    operator: str
    value: float

    def holds(self, rows: Tensor) -> Tensor:
        """Return for which rows (B, D) it holds, bool (B,)."""
        values: Tensor = rows[:, self.column]
        if math.isnan(self.value):
            return values.isnan() if self.operator == "=" else ~values.isnan()
        found: Tensor = OPERATORS[self.operator](values, self.value)
        return found & ~values.isnan()


def clauses(words: Sequence[str], spec: SampleSpec) -> list[Clause]:
    """Return what ``--where`` words ask for.

    Raises:
        UsageError: no such column or operator, a value that the column cannot have, or samples
            without columns.
    """
    if not spec.columns or len(spec.shape) > 1:
        raise UsageError(f"--where is for tables, not {spec}", hint="ganzoo sample --help")
    return [_clause(word, spec) for word in words]


def _clause(word: str, spec: SampleSpec) -> Clause:
    names = sorted((column.name for column in spec.columns), key=len, reverse=True)
    for name in names:
        rest = word.removeprefix(name).lstrip()
        sign = next((each for each in OPERATORS if rest.startswith(each)), None)
        if not word.startswith(name) or sign is None:
            continue
        index = [column.name for column in spec.columns].index(name)
        column = spec.columns[index]
        if column.kind in ("category", "boolean") and sign not in ("=", "!="):
            raise UsageError(
                f"--where {word!r}: {name} has categories, which are not ordered",
                hint=f"--where '{name}=…'",
            )
        try:
            value = cell_value(column, rest.removeprefix(sign), f"--where {word!r}:")
        except DataError as error:
            raise UsageError(error.message, hint=_options(spec, index)) from error
        if math.isnan(value) and sign not in ("=", "!="):
            what = f"--where {word!r}: a missing value is neither less nor greater"
            raise UsageError(what, hint=_options(spec, index))
        return Clause(index, sign, value)
    raise UsageError(
        f"--where {word!r} is not COLUMN=VALUE, nor a comparison by {' '.join(OPERATORS)}",
        hint=f"the columns are {listed([column.name for column in spec.columns])}",
    )


def _options(spec: SampleSpec, index: int) -> str:
    column = spec.columns[index]
    if column.categories == ("",):
        return f"{column.name} is always empty"
    if column.categories:
        return f"{column.name} has the categories {listed(column.categories)}"
    return f"{column.name} holds values of the kind {column.kind}"


def conditions(found: Sequence[Clause], spec: SampleSpec) -> Tensor | None:
    """Return the conditions in stored form that ask for a clause's category, one a clause, or None.

    A condition asks for one column alone, as in training by sampling.
    """
    import torch

    condition = spec.condition
    if condition is None or not condition.columns:
        return None
    names = [column.name for column in condition.columns]
    rows = []
    for clause in found:
        name = spec.columns[clause.column].name
        if clause.operator == "=" and name in names:
            place = names.index(name)
            row = torch.full((len(names),), math.nan, dtype=torch.float64)
            missing = len(condition.columns[place].categories) - 1.0
            row[place] = missing if math.isnan(clause.value) else clause.value
            rows.append(row)
    return torch.stack(rows) if rows else None
