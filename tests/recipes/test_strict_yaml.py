"""Pass 1: what the strict YAML reader accepts, and what it refuses at which place."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganzoo.errors import Problem, RecipeError
from ganzoo.recipes.yaml import MAX_BYTES, MAX_DEPTH, load_document


def value(text: str) -> Any:
    return load_document(f"key: {text}\n", "a.yaml").data["key"]


def complaints(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load_document(text, "a.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2e-4", 2e-4),
        ("1e5", 1e5),
        ("1E+5", 1e5),
        (".5", 0.5),
        ("-3.", -3.0),
        ("1.5e3", 1500.0),
        ("012", 12),
        ("-012", -12),
        ("+7", 7),
        ("0", 0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("True", "True"),
        ("12:30", "12:30"),
        ("190:20:30.15", "190:20:30.15"),
        ("2026-01-31", "2026-01-31"),
        ("0x10", "0x10"),
        ("0o10", "0o10"),
        ("1_000", "1_000"),
        ("1e", "1e"),
        ("=", "="),
        ("nan", "nan"),
        ("'2e-4'", "2e-4"),
        ('""', ""),
        ("[0, 0.9]", [0, 0.9]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        (str(2**63 - 1), 2**63 - 1),
    ],
)
def test_scalars_read_as_people_expect(text: str, expected: Any) -> None:
    result = value(text)
    assert result == expected
    assert type(result) is type(expected)


def test_elements_of_betas_keep_their_written_types() -> None:
    assert [type(each) for each in value("[0, 0.9]")] == [int, float]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (".nan", "is not a finite number"),
        ("-.inf", "is not a finite number"),
        ("1e999", "is not a finite number"),
        (str(2**63), "does not fit in 64 bits"),
        (str(-(2**63) - 1), "does not fit in 64 bits"),
        ("9" * 5000, "does not fit in 64 bits"),
        ("", "has no value"),
        ("!!python/object:os.system x", "tags such as"),
        ("!!str 3", "tags such as"),
        ("! 3", "tags such as"),
        ("&anchor 3", "anchors are not part of recipes"),
        ('"\\0"', "cannot be printed"),
        ('"\\e[31m"', "cannot be printed"),
        ('"\\ud800"', "cannot be printed"),
        ('"\\UFFFFFFFF"', "out of range"),
        ("[1, 2", "is not YAML"),
        ("@x", "is not YAML"),
    ],
)
def test_an_invalid_scalar_is_refused_at_its_line(text: str, what: str) -> None:
    (complaint,) = complaints(f"first: 1\nkey: {text}\n")
    assert what in complaint
    assert complaint.startswith(("a.yaml:2:", "a.yaml:3:1"))


def test_leading_zeros_do_not_count_as_digits() -> None:
    assert value("0" * 5000 + "7") == 7


def test_every_problem_of_a_text_is_reported_at_once_with_line_and_column() -> None:
    text = "a: 1\nb: &x {c: .inf}\nd: *x\na: 2\ne:\n  <<: {f: 1}\n  f: !!int 3\n"
    assert complaints(text) == [
        "a.yaml:2:4  anchors are not part of recipes - use `extends`",
        "a.yaml:2:11  b.c  is not a finite number",
        "a.yaml:3:4  aliases are not part of recipes - use `extends`",
        "a.yaml:4:1  a  is given twice, first in line 1",
        "a.yaml:6:3  e.<<  merge keys are not part of recipes - use `extends`",
        "a.yaml:7:6  tags such as 'tag:yaml.org,2002:int' are not allowed",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a.yaml:1:1  the file is empty"),
        ("# nothing\n", "a.yaml:1:1  the file is empty"),
        ("- a\n", "a.yaml:1:1  is not a mapping of keys to values"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:1  is not YAML"),
        ("a:\n\t- b\n", "a.yaml:2:1  is not YAML"),
        ("? [a]\n: 1\n", "a.yaml:1:3  a key must be one word, not a list or a mapping"),
        ("'': 1\n", "a.yaml:1:1  a key is empty"),
        ("a: 1\nb: \x00\n", "a.yaml:2:4  contains a character that YAML does not allow"),
        ("#" * (MAX_BYTES + 1), "a.yaml:1:1  is larger than 1 MiB"),
        (f"%YAML {'9' * 5000}.1\n---\na: 1\n", "a.yaml:1:7  is not YAML"),
    ],
)
def test_text_that_is_not_a_recipe_is_refused(text: str, complaint: str) -> None:
    assert complaints(text)[0].startswith(complaint)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_is_refused_one_level_beyond_the_limit(opening: str) -> None:
    closing = {"[": "]", "{a: ": "}", "- ": ""}[opening]
    inner = MAX_DEPTH - 2  # the outermost mapping and the innermost scalar are levels too
    begin = "key:\n  " if opening == "- " else "key: "
    load_document(begin + opening * inner + "1" + closing * inner, "a.yaml")
    deeper = begin + opening * (inner + 1) + "1" + closing * (inner + 1)
    assert f"is nested more than {MAX_DEPTH} levels deep" in complaints(deeper)[0]


def test_deeply_nested_brackets_are_refused_without_reading_all_of_them() -> None:
    (complaint,) = complaints("a: " + "[" * 100_000)
    assert "levels deep" in complaint


def test_marks_point_at_keys_and_at_list_items() -> None:
    document = load_document("a:\n  b: [x,\n      y]\n", "a.yaml")
    assert document.marks == {
        (): (1, 1),
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "b", "0"): (2, 7),
        ("a", "b", "1"): (3, 7),
    }


@given(st.text(max_size=40) | st.text(alphabet="-?:,[]{}#&*!|>'\"%@`\\ \n\tabU0.<=~", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        load_document(text, "a.yaml")
    except RecipeError as error:
        problems = error.problems
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
