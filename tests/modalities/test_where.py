"""Conditions on the columns of a table, as ``ganzoo sample --where`` has them."""

import math

import pytest
import torch

from ganzoo.api import Column, SampleSpec
from ganzoo.errors import UsageError
from ganzoo.modalities.where import clauses

COLUMNS = (
    Column("unit price", missing=True),
    Column("member", "boolean", missing=True),
    Column("day", "datetime", pattern="%d/%m/%Y", range=(86400.0, 1e9)),
    Column("grade", "category", ("A", "None"), missing=True),
    Column("note", "category", ("",)),
)
SPEC = SampleSpec("table", (5,), columns=COLUMNS)
NOTHING = math.nan
ROWS = torch.tensor([[50, 1, 86400, 0, 0], [NOTHING, NOTHING, 0, NOTHING, 0], [7, 0, 0, 1, 0]])


@pytest.mark.parametrize(
    ("word", "held"),
    [
        ("unit price >= 50", [0]),
        ("unit price<50", [2]),
        ("unit price=", [1]),
        ("unit price=NA", [1]),
        ("unit price!=null", [0, 2]),
        ("member=True", [0]),
        ("member = FALSE", [2]),
        ("member!=true", [2]),
        ("day=02/01/1970", [0]),
        ("grade=None", [2]),
        ("grade=NA", [1]),
        ("note=", [0, 1, 2]),
    ],
)
def test_a_condition_holds_for_the_rows_that_it_names(word: str, held: list[int]) -> None:
    (clause,) = clauses([word], SPEC)
    assert clause.holds(ROWS).nonzero()[:, 0].tolist() == held


def test_windows_of_series_have_no_rows_to_choose_from() -> None:
    spec = SampleSpec("table/series", (1, 5), columns=(Column("x", range=(0.0, 1.0)),))
    with pytest.raises(UsageError, match="--where is for tables"):
        clauses(["x>0"], spec)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("unit price<", "a missing value is neither less nor greater"),
        ("unit price>=NA", "a missing value is neither less nor greater"),
        ("unit price>nan", "a missing value is neither less nor greater"),
        ("unit price>inf", "'inf' in the column 'unit price' is not of the kind float"),
        ("day>2024-01-31", "is not of the kind datetime, such as 02/01/1970"),
        ("day=", "'' in the column 'day' is not of the kind datetime"),
        ("note=x", "'x' in the column 'note' is not empty"),
    ],
)
def test_a_condition_that_no_row_can_meet_is_refused(word: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        clauses([word], SPEC)
    assert said in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize("word", ["place=Paris", "nowhere=Paris"])
def test_a_message_about_long_categories_with_line_breaks_is_one_short_line(word: str) -> None:
    column = Column("place", "category", ("two\nlines", "x" * 10_000))
    with pytest.raises(UsageError) as raised:
        clauses([word], SampleSpec("table", (2,), columns=(column, Column("a\nb"))))
    for text in (raised.value.message, str(raised.value.hint)):
        assert "\n" not in text
        assert len(text) < 500
