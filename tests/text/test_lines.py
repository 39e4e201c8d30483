"""A txt or jsonl file → token numbers; what is left out is counted, what is wrong is named."""

import re
from pathlib import Path

import pytest
from ganzoo_text.characters import characters
from ganzoo_text.datasets.lines import Lines

from ganzoo.api import DataError
from ganzoo.nn import END, UNKNOWN, Vocabulary

FAMILY = "\U0001f468‍\U0001f469‍\U0001f467"
FLAG, OTHER = "\U0001f1f3\U0001f1f4", "\U0001f1e9\U0001f1ea"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


def written(tmp_path: Path, content: str, name: str = "mine.txt", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode(encoding))
    return path


def lines(path: Path, split: str = "train", **about) -> Lines:
    return Lines(split, path=path, **{"holdout": 0.0, **about})


def texts(data: Lines) -> list[str]:
    vocabulary = Vocabulary(data.spec)
    return [vocabulary.text(data[index][0].tolist()) for index in range(len(data))]


def test_windows_line_ends_a_byte_order_mark_and_emoji_are_the_users_own_text(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, f"\ufeffgood {FAMILY}\r\n{FLAG}{OTHER} day\r\n")
    data = lines(path, length=8)
    assert texts(data) == [f"good {FAMILY}", f"{FLAG}{OTHER} day"]
    assert {FAMILY, FLAG, OTHER} < set(data.spec.tokens)
    assert data.spec.tokens[0] == END
    assert data.skipped == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ab", ["a", "b"]),
        (f"a{FAMILY}b", ["a", FAMILY, "b"]),
        (FLAG + OTHER, [FLAG, OTHER]),
        (f"{SCOTLAND}!", [SCOTLAND, "!"]),
        ("e\u0301e", ["e\u0301", "e"]),
        ("\u2764\ufe0f\U0001f44d\U0001f3fd", ["\u2764\ufe0f", "\U0001f44d\U0001f3fd"]),
        ("\u0301a", ["\u0301", "a"]),
        ("", []),
    ],
)
def test_what_readers_see_as_one_character_is_one(text: str, parts: list[str]) -> None:
    assert characters(text) == parts


def test_empty_and_long_lines_are_left_out_or_cut_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "one\n\n   \nseventeen\ntwo\neighteen\n")
    left = lines(path, length=4)
    assert texts(left) == ["one", "two"]
    assert left.skipped == [
        f"empty lines: 2, the first is {path}:2",
        f"lines of more than 4 characters: 2, the first is {path}:4",
    ]
    cut = lines(path, length=4, too_long="cut")
    assert texts(cut) == ["one", "seve", "two", "eigh"]
    assert cut.skipped[1] == f"ends of lines after 4 characters: 2, the first is {path}:4"


def test_rare_words_are_one_token_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "a b a\nb c  a\nd a b\n")
    data = lines(path, unit="words", vocabulary=2, length=3)
    assert data.spec.tokens == (END, UNKNOWN, "a", "b")
    assert texts(data) == ["a b a", f"b {UNKNOWN} a", f"{UNKNOWN} a b"]
    assert data.skipped == [f"rare words, for which {UNKNOWN} stands: 2, in 2 places: 'c' 'd'"]


def test_a_line_about_rare_words_is_short_however_long_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, f"a a {'long' * 5000}\n")
    (said,) = lines(path, unit="words", vocabulary=1, length=3).skipped
    assert len(said) < 200


def test_a_rare_emoji_of_several_code_points_is_one_unknown_token(tmp_path: Path) -> None:
    path = written(tmp_path, f"a{FAMILY}aa\n{FLAG}aaa\n")
    data = lines(path, vocabulary=1, length=4)
    assert texts(data) == [f"a{UNKNOWN}aa", f"{UNKNOWN}aaa"]


def test_a_jsonl_holds_strings_or_one_field_of_objects(tmp_path: Path) -> None:
    path = written(tmp_path, '"one"\n\n{"id": 3, "title": "two\\nlines"}\n', "a.jsonl")
    data = lines(path, field="title", length=9)
    assert texts(data) == ["one", "two\nlines"]
    assert data.spec.kind.formats(data.spec) == (".jsonl", ".npz")


def test_a_folder_is_all_of_its_text_files_and_the_others_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    written(folder, "one\n", "a.txt")
    written(folder, '"two"\n', "b.jsonl")
    picture = written(folder, "?", "c.png")
    data = lines(folder, length=3)
    assert texts(data) == ["one", "two"]
    assert data.skipped == [f"{picture} is no .txt or .jsonl"]
    assert sorted(data.source_files()) == ["a.txt", "b.jsonl"]


def test_equal_lines_are_in_one_split_and_every_line_is_in_one(tmp_path: Path) -> None:
    path = written(tmp_path, "".join(f"{number % 40}\n" for number in range(200)))
    train, test = (texts(lines(path, split, length=2, holdout=0.25)) for split in ("train", "test"))
    assert not set(train) & set(test)
    assert sorted(train + test) == sorted(str(number % 40) for number in range(200))
    assert len(set(test)) == 10
    assert len(lines(written(tmp_path, "a\nb\n"), "test", holdout=0.1)) == 1
    with pytest.raises(DataError, match="no lines that are held out"):
        lines(path, "test", holdout=0.0)


@pytest.mark.parametrize(
    ("content", "about", "said"),
    [
        (b"good\nd\xff\n", {}, "mine.txt:2  is not UTF-8"),
        ("hi".encode("utf-16"), {}, "mine.txt:1  is not UTF-8"),
        (b"", {}, "mine.txt has no lines"),
        (b"seventeen\n", {"length": 3}, "mine.txt has no line of at most 3 characters"),
        (b"one\n", {"holdout": 1.0}, "mine.txt has no lines to train on"),
    ],
)
def test_a_file_that_cannot_be_trained_on_is_named(
    tmp_path: Path, content: bytes, about: dict, said: str
) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        lines(path, **about)
    assert said in caught.value.message
    assert caught.value.hint


def test_a_path_without_text_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.txt", written(tmp_path / "x", "a", "a.doc")):
        with pytest.raises(DataError, match=r"is no .txt or .jsonl file") as caught:
            lines(path)
        assert ("does not exist" in caught.value.message) is (not path.exists())


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"one\rtwo\r\xe9t\xe9\r", 3),
        (b"one\r\ntwo\r\n\xe9\r\n", 3),
        (b"\xef\xbb\xbfa\n\xe9\n", 2),
        ("one\ntwo\n".encode("utf-16-le"), 1),
        (b"one\n\ntw\0o\n", 3),
    ],
)
def test_a_line_that_is_no_text_is_named_whatever_the_line_ends_are(
    tmp_path: Path, content: bytes, line: int
) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"mine\.txt:{line}  (is not UTF-8|holds a NUL)"):
        lines(path)


def test_nul_characters_of_a_jsonl_are_never_written_into_a_txt(tmp_path: Path) -> None:
    data = lines(written(tmp_path, '"a\\u0000b"\n', "a.jsonl"))
    assert data.spec.kind.formats(data.spec) == (".jsonl", ".npz")


@pytest.mark.parametrize(("content", "hint"), [(b"", "one text"), (b"one\none\n", "holdout=0$")])
def test_the_hint_for_too_few_lines_helps(tmp_path: Path, content: bytes, hint: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        lines(path, holdout=0.1)
    assert re.search(hint, caught.value.hint or "")


def test_links_to_folders_are_followed_and_broken_ones_are_named(tmp_path: Path) -> None:
    written(tmp_path / "else", "one\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "more").symlink_to(tmp_path / "else")
    assert texts(lines(tmp_path / "mine")) == ["one"]
    (tmp_path / "mine" / "b.txt").symlink_to("nowhere.txt")
    with pytest.raises(DataError, match=r"b\.txt cannot be read"):
        lines(tmp_path / "mine")
