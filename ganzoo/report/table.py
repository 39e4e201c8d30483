"""A table as plain text, Markdown, CSV, or drawn on a terminal; numbers to three digits."""

import csv
import io
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len

from ganzoo.errors import printable
from ganzoo.runs.html import table

if TYPE_CHECKING:
    import rich.table


NARROWEST = 24
"""Least width of a column of texts on a terminal, in characters."""

GAP = 3
"""Characters between two columns on a terminal."""


@dataclass(frozen=True)
class Table:
    """Column headings and rows of text; columns named in `numbers` are right-aligned."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Collection[str] = ()

    def _lines(self) -> list[list[str]]:
        """Return headings and rows without control characters and line ends."""
        lines = (self.columns, *self.rows)
        return [[printable(cell, one_line=True) for cell in line] for line in lines]

    def plain(self) -> str:
        """Return aligned lines for grep and awk, with two spaces between columns."""
        lines = self._lines()
        widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(self._aligned(line, widths) for line in lines)

    def _aligned(self, line: Sequence[str], widths: Sequence[int]) -> str:
        cells = []
        for cell, column, width in zip(line, self.columns, widths, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if column in self.numbers else cell + space)
        return "  ".join(cells).rstrip()

    def markdown(self) -> str:
        """Return a GitHub Markdown table."""
        rule = ["--:" if column in self.numbers else ":--" for column in self.columns]
        heading, *rows = self._lines()
        rows = [[cell.replace("|", r"\|") for cell in row] for row in rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in (heading, rule, *rows))

    def html(self) -> str:
        """Return an HTML table for notebooks."""
        columns, *rows = self._lines()
        return table(rows, columns, self.numbers)

    def csv(self) -> str:
        """Return comma-separated values under a line of headings.

        A text that a spreadsheet would run as a formula gets an apostrophe in front.
        """
        text = io.StringIO()
        lines = [[_no_formula(cell) for cell in line] for line in self._lines()]
        csv.writer(text, lineterminator="\n").writerows(lines)
        return text.getvalue().rstrip("\n")

    def fitted(self, width: int) -> "Table":
        """Return the table without the columns on the right that do not fit a terminal's width.

        The first two columns always stay. Numbers need their full width; texts wrap, down to
        `NARROWEST` characters.
        """
        used = accumulate(self._least(index) + GAP for index in range(len(self.columns)))
        kept = max(2, sum(each <= width + GAP for each in used))
        columns = self.columns[:kept]
        rows = [row[:kept] for row in self.rows]
        return Table(columns, rows, [name for name in self.numbers if name in columns])

    def _least(self, index: int) -> int:
        """Return the least width of a column, in characters."""
        full = max(cell_len(line[index]) for line in (self.columns, *self.rows))
        return full if self.columns[index] in self.numbers else min(full, NARROWEST)

    def drawn(self) -> "rich.table.Table":
        """Return a table that a rich console fits to the terminal's width."""
        import rich.box
        import rich.table
        from rich.text import Text

        table = rich.table.Table(box=rich.box.SIMPLE_HEAD, show_edge=False, header_style="bold")
        for index, column in enumerate(self.columns):
            numeric = column in self.numbers
            justify: Literal["left", "right"] = "right" if numeric else "left"
            table.add_column(
                column,
                justify=justify,
                no_wrap=numeric,
                overflow="fold",
                min_width=self._least(index),
            )
        for row in self._lines()[1:]:
            table.add_row(*map(Text, row))
        return table


def _no_formula(cell: str) -> str:
    if not cell.startswith(("=", "+", "-", "@")):
        return cell
    try:
        [float(each) for each in cell.split()]  # one number, or several
    except ValueError:
        return f"'{cell}" if len(cell) > 1 else cell
    return cell


def three_digits(value: float | None) -> str:
    """Format to three significant digits: 70.5, 1234 (integer digits are kept), 1.23e-12.

    Further digits of a Fréchet distance are noise. None and values that are not finite give ``-``.
    """
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.2e}" if decimals > 8 else f"{round(value, decimals):.{decimals}f}"


def with_spread(value: float, spread: float | None) -> str:
    """Format ``value ± spread``, both with as many decimals as three digits of the value have."""
    text = three_digits(value)
    if spread is None:
        return text
    decimals = len(text.partition(".")[2])
    return f"{text} ± {spread:.2e}" if "e" in text else f"{text} ± {spread:.{decimals}f}"
