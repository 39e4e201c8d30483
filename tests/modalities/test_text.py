"""Lines of text: tokens to files and back."""

import json
from pathlib import Path

import pytest
import torch

from ganzoo.api import DataError, SampleSpec
from ganzoo.nn import END, UNKNOWN, Vocabulary, lines_of

THUMB = "\U0001f44d\U0001f3fd"
TOKENS = (END, "a", "b", " ", THUMB)
CHARACTERS = SampleSpec("text", (5,), vocabulary=5, tokens=TOKENS)
WORDS = SampleSpec("text", (3,), vocabulary=4, tokens=(END, UNKNOWN, "good", "day"), separator=" ")


def read(spec: SampleSpec, path: Path) -> list[list[int]]:
    return spec.kind.read(spec, path, lambda *about: torch.empty(0)).tolist()


@pytest.mark.parametrize(
    ("spec", "rows", "lines"),
    [
        (CHARACTERS, [[1, 4, 2, 0, 0], [0] * 5, [2, 3, 3, 3, 1]], [f"a{THUMB}b", "", "b   a"]),
        (WORDS, [[2, 3, 2], [1, 0, 0], [0, 0, 0]], ["good day good", UNKNOWN, ""]),
    ],
)
def test_samples_are_written_as_their_text_and_read_back(
    spec: SampleSpec, rows: list[list[int]], lines: list[str], tmp_path: Path
) -> None:
    stored = torch.tensor(rows)
    spec.kind.write(spec, tmp_path / "new.txt", stored)
    assert (tmp_path / "new.txt").read_bytes().decode() == "".join(f"{line}\n" for line in lines)
    spec.kind.write(spec, tmp_path / "new.jsonl", stored)
    written = (tmp_path / "new.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in written] == [{"text": line} for line in lines]
    assert read(spec, tmp_path / "new.txt") == read(spec, tmp_path / "new.jsonl") == rows
    assert spec.kind.preview(spec, stored)[".txt"] == (tmp_path / "new.txt").read_bytes()


def test_a_line_ends_at_its_first_end_token() -> None:
    samples = torch.nn.functional.one_hot(torch.tensor([[1, 0, 2, 0, 1]]), 5).float()
    assert CHARACTERS.kind.decode(CHARACTERS, samples).tolist() == [[1, 0, 0, 0, 0]]
    wrong = CHARACTERS.kind.invalid(CHARACTERS, torch.tensor([1, 0, 2, 0, 0]))
    assert wrong == "tokens after the end of the line"


def test_a_spec_keeps_its_tokens_as_json() -> None:
    for spec in (CHARACTERS, WORDS):
        assert SampleSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"vocabulary": 3, "tokens": ("a", "b")}, "as many different tokens"),
        ({"vocabulary": 2, "tokens": ("a", "a")}, "as many different tokens"),
        ({"vocabulary": 1, "tokens": (1,)}, "no text"),
        ({"vocabulary": 1, "tokens": ("a b",), "separator": " "}, "a word holds a space"),
        ({"vocabulary": 1, "tokens": ("a",), "separator": ","}, "nothing, or a space"),
    ],
)
def test_tokens_that_cannot_be_written_are_refused(about: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SampleSpec("text", (2,), **about)


def test_tokens_with_line_breaks_have_no_lines_of_a_txt() -> None:
    spec = SampleSpec("text", (2,), vocabulary=2, tokens=("a", "\n"))
    assert spec.kind.formats(spec) == (".jsonl", ".npz")
    assert spec.kind.preview(spec, torch.tensor([[0, 1]]))[".txt"].decode() == "a↵\n"


@pytest.mark.parametrize(
    ("spec", "name", "content", "said"),
    [
        (CHARACTERS, "a.txt", "ab\nax\n", "a.txt:2  'x' is not in the vocabulary"),
        (CHARACTERS, "a.txt", "aaaaaa\n", "a.txt:1  has 6 tokens, and samples have at most 5"),
        (CHARACTERS, "a.txt", f"{THUMB[0]}\n", "a.txt:1  "),
        (
            CHARACTERS,
            "a.jsonl",
            '"a"\n{"line": "a"}\n',
            "a.jsonl:2  has no field 'text', only line",
        ),
        (CHARACTERS, "a.jsonl", '{"text": 3}\n', "a.jsonl:1  holds no text but a int"),
        (CHARACTERS, "a.jsonl", '{"text": \n', "a.jsonl:1  is not JSON"),
        (CHARACTERS, "a.csv", "a\n", "a.csv is neither .txt, .jsonl nor npz"),
        (
            SampleSpec("text", (2,), vocabulary=1, tokens=("a",)),
            "a.txt",
            "aa\na\n",
            "a.txt:2  has 1 tokens, and samples have exactly 2",
        ),
    ],
)
def test_a_line_that_cannot_be_a_sample_is_named(
    spec: SampleSpec, name: str, content: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(spec, tmp_path / name)
    assert said in caught.value.message
    assert caught.value.hint


def test_an_unknown_word_is_the_unknown_token_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("good \t night\n", encoding="utf-8")
    assert read(WORDS, tmp_path / "a.txt") == [[2, 1, 0]]


def test_the_hint_for_a_jsonl_of_samples_is_no_override_of_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "good"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="has no field 'text', only body") as caught:
        read(WORDS, tmp_path / "a.jsonl")
    assert caught.value.hint == '{"text": "…"} on each line'


def test_lines_end_as_windows_unix_and_old_macs_write_them(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone\r\ntwo\rthree\u2028\n\nlast".encode())
    assert list(lines_of(path, "text")) == [
        (1, "one"),
        (2, "two"),
        (3, "three\u2028"),
        (4, ""),
        (5, "last"),
    ]


def test_the_longest_tokens_that_fit_are_taken() -> None:
    tokens = ("e", "e\u0301", "\u0301", "f")
    vocabulary = Vocabulary(SampleSpec("text", (4,), vocabulary=4, tokens=tokens))
    assert vocabulary.numbers("fee\u0301\u0301") == [3, 0, 1, 2]
    with pytest.raises(ValueError, match="'x' is not in the vocabulary"):
        vocabulary.numbers("fx")
