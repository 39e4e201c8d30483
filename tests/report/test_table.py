"""One table in four formats."""

import csv
import io
import math

import pytest
from rich.console import Console

from ganzoo.report.table import Table, three_digits, with_spread

TABLE = Table(("run", "score"), [("digits", "3.41"), ("a|b, 生成", "12.9")], numbers={"score"})


def test_plain_columns_are_aligned_numbers_to_the_right_and_wide_characters_counted() -> None:
    assert TABLE.plain().splitlines() == [
        "run        score",
        "digits      3.41",
        "a|b, 生成   12.9",
    ]


def test_markdown_escapes_what_would_end_a_cell() -> None:
    assert TABLE.markdown().splitlines() == [
        "| run | score |",
        "| :-- | --: |",
        "| digits | 3.41 |",
        r"| a\|b, 生成 | 12.9 |",
    ]


def test_csv_reads_back_unchanged() -> None:
    assert list(csv.reader(io.StringIO(TABLE.csv()))) == [
        ["run", "score"],
        ["digits", "3.41"],
        ["a|b, 生成", "12.9"],
    ]


def test_a_drawn_table_does_not_interpret_markup_in_cells() -> None:
    stream = io.StringIO()
    table = Table(("id",), [("[bold]x[/bold]",)])
    Console(file=stream, width=40).print(table.drawn())
    assert "[bold]x[/bold]" in stream.getvalue()


def test_a_table_without_rows_has_only_its_headings() -> None:
    assert Table(("a", "b"), []).plain() == "a  b"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.41499, "3.41"),
        (0.0123456, "0.0123"),
        (1234.5, "1234"),
        (999.6, "1000"),
        (1.2345e-9, "1.23e-09"),
        (0.0, "0"),
        (-2.5, "-2.50"),
        (None, "-"),
        (math.nan, "-"),
    ],
)
def test_numbers_have_three_significant_digits(value: float | None, text: str) -> None:
    assert three_digits(value) == text


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (482.878, None, "483"),
        (482.878, 6.4877, "483 ± 6"),
        (12.926, 1.415, "12.9 ± 1.4"),
        (2.27e-13, 4.34e-14, "2.27e-13 ± 4.34e-14"),
    ],
)
def test_a_spread_has_as_many_decimals_as_its_value(
    value: float, spread: float | None, text: str
) -> None:
    assert with_spread(value, spread) == text
