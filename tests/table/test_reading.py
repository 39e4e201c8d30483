"""A csv, tsv or parquet file → columns and values; what is wrong with it is said in one line."""

import shlex
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from ganzoo_table.datasets.file import File
from pyarrow import parquet

from ganzoo.api import Column, DataError, SampleSpec
from ganzoo.recipes.overrides import override_layer


def rows_of(path: Path, split: str = "train", **about) -> File:
    return File(split, path=path, **{"holdout": 0.0, **about})


def written(tmp_path: Path, text: str, name: str = "mine.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def column(tmp_path: Path, *cells: str) -> Column:
    text = "c\n" + "\n".join(cells) + "\n"
    return rows_of(written(tmp_path, text)).spec.columns[0]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (("1", "-20", "3"), "integer"),
        (("1", "", "3"), "integer"),
        (("1.5", "2", "1e3"), "float"),
        (("true", "False", "TRUE"), "boolean"),
        (("2024-01-31", "2023-02-28"), "datetime"),
        (("2024-01-31 10:20:30", "2023-02-28 00:00:00"), "datetime"),
        (("31.01.2024", "28.02.2023"), "datetime"),
        (("01234", "99999"), "category"),
        (("12", "yes"), "category"),
        (("9007199254740993", "1"), "float"),
        (("2024-01-31", "soon"), "category"),
        (("31.01.2024 10:20", "01.02.2024 09:00"), "datetime"),
        (("2024-01-31T10:20", "2024-02-01T09:00"), "datetime"),
        ((*["2024-01-31"] * 30, "24-01-31"), "category"),
        (("1.5", "NAN"), "category"),
        (("1.5", "-nan"), "category"),
        (("NA", "null"), "category"),
    ],
)
def test_what_a_column_holds_is_found_out(tmp_path: Path, cells, kind: str) -> None:
    assert column(tmp_path, *cells).kind == kind


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "null", "None"])
def test_a_cell_that_stands_for_nothing_is_missing(tmp_path: Path, cell: str) -> None:
    rows = rows_of(written(tmp_path, f"a,b\n1,x\n{cell},y\n3,{cell}\n"))
    assert [each.missing for each in rows.spec.columns] == [True, True]
    assert rows.values.isnan().tolist() == [[False, False], [True, False], [False, True]]


def test_a_byte_order_mark_quoted_line_breaks_and_semicolons_are_understood(tmp_path: Path) -> None:
    text = 'name;note\nÄ;"one\ntwo; three"\nB;"say ""so"""\n'
    rows = rows_of(written(tmp_path, text, encoding="utf-8-sig"))
    assert [each.name for each in rows.spec.columns] == ["name", "note"]
    assert set(rows.spec.columns[1].categories) == {"one\ntwo; three", 'say "so"'}
    out = tmp_path / "out.csv"
    rows.spec.kind.write(rows.spec, out, rows.values)
    again = rows_of(out)
    assert again.spec.columns == rows.spec.columns
    assert torch.equal(again.values, rows.values)


def test_what_is_written_is_what_was_read(tmp_path: Path) -> None:
    text = "id,day,price,paid,zip\n" + "".join(
        f"u{i},2024-01-{i % 28 + 1:02d},{i}.50,{'true' if i % 2 else 'false'},0{i % 5}123\n"
        for i in range(300)
    )
    path = written(tmp_path, text)
    rows = rows_of(path)
    out = tmp_path / "out.csv"
    spec = rows.spec
    spec.kind.write(spec, out, spec.kind.decode(spec, spec.kind.encode(spec, rows.values)))
    assert out.read_text() == text.replace("u", "u")


def test_numbers_come_back_from_the_form_that_networks_see(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    far = 1e6 * torch.randn(500, generator=random).abs()
    near = torch.randn(500, generator=random)
    text = "far,near,whole\n" + "".join(
        f"{a:.2f},{b:.3f},{int(b * 1000)}\n" for a, b in zip(far, near, strict=True)
    )
    rows = rows_of(written(tmp_path, text))
    seen = rows.spec.kind.encode(rows.spec, rows.values)
    assert seen.abs().max() <= 1
    back = rows.spec.kind.decode(rows.spec, seen)
    extent = rows.values.amax(0) - rows.values.amin(0)
    assert ((back - rows.values).abs() <= 1e-6 * extent + 0.01).all()
    assert torch.equal(back[:, 2], rows.values[:, 2])


def test_50_000_ids_are_two_choices_and_come_back(tmp_path: Path) -> None:
    path = written(tmp_path, "id\n" + "".join(f"user-{i}\n" for i in range(50_000)))
    rows = rows_of(path)
    assert rows.spec.model_shape == (448,)
    assert rows.spec.condition is None
    part = rows.values[::7]
    assert torch.equal(
        rows.spec.kind.decode(rows.spec, rows.spec.kind.encode(rows.spec, part)), part
    )


def test_a_constant_column_stays_constant(tmp_path: Path) -> None:
    rows = rows_of(written(tmp_path, "a,b\n" + "7,x\n" * 50))
    noise = torch.randn(20, *rows.spec.model_shape)
    found = rows.spec.kind.decode(rows.spec, noise)
    assert set(found[:, 0].tolist()) <= {7.0}
    assert set(found[:, 1].tolist()) == {0.0}


def test_each_row_is_in_one_split_and_the_codec_is_that_of_the_training_rows(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "a,b\n" + "".join(f"{i},k{i % 3}\n" for i in range(1000)))
    train, test = (rows_of(path, split, holdout=0.2) for split in ("train", "test"))
    assert (len(train), len(test)) == (800, 200)
    assert sorted([*train.values[:, 0].tolist(), *test.values[:, 0].tolist()]) == list(range(1000))
    assert train.spec == test.spec
    assert train.spec.columns[0].range == (train.values[:, 0].min(), train.values[:, 0].max())


def test_parquet_brings_its_types(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    table = pa.table(
        {
            "a": pa.array([1, 2, None], pa.int32()),
            "b": pa.array([1.5, None, 2.0]),
            "c": pa.array([True, False, True]),
            "d": pa.array(["x", "y", None]).dictionary_encode(),
            "e": pa.array([0, 86_400_000, 1], pa.timestamp("ms")),
        }
    )
    parquet.write_table(table, path)
    kinds = [each.kind for each in rows_of(path).spec.columns]
    assert kinds == ["integer", "float", "boolean", "category", "datetime"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,b\n", "has no rows"),
        ("a,a\n1,2\n1,2\n", ":1  two columns are called 'a'"),
        ("a,\n1,2\n1,2\n", ":1  column 2 has no name"),
        ("a,b\n1,2\n1,2,3\n", ":3  has not one cell a column; cells: 3, columns: 2"),
        ("a\n1\n", "too few to train on"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(DataError) as raised:
        rows_of(written(tmp_path, text))
    assert said in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a,b\n1,"x\n2,y\n', "after line 1: a quote is not closed"),
        ('a,b\n1,"x\n2,"y\n3,z\n', "in the record after line 1: ',' expected after '\"'"),
        ('a,b\n1,"say \\"hi\\""\n', "in the record after line 1: ',' expected after '\"'"),
        ("a\n1\n\n\n-inf\n", ":5  -inf in the column 'a' is not finite"),
        ("\n\na,b,a\n1,2,3\n", ":3  two columns are called 'a'"),
        ('a,b\n1,"two\nlines"\n3\n', ":4  has not one cell a column; cells: 1, columns: 2"),
        ("a\n1\n-inf\n", ":3  -inf in the column 'a' is not finite"),
        ("a,b\n1,\n2,9e999\n", ":3  inf in the column 'b' is not finite"),
        ("a,b\n1,2\n2,-1e200\n", ":3  -1e+200 in the column 'b' is out of range"),
    ],
)
def test_the_line_of_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError) as raised:
        rows_of(written(tmp_path, text))
    assert said in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("cells", "lost"),
    [
        (pa.array([0, 1_500], pa.timestamp("ms")), "fractions of a second are left out"),
        (pa.array([0, 1], pa.timestamp("s", "Europe/Berlin")), "Europe/Berlin becomes UTC"),
        (pa.array([0, 86_400_000_000_000], pa.timestamp("ns")), None),
    ],
)
def test_what_times_of_parquet_lose_is_said(tmp_path: Path, cells: pa.Array, lost) -> None:
    path = tmp_path / "mine.parquet"
    parquet.write_table(pa.table({"a": cells}), path)
    assert rows_of(path).notes == ({} if lost is None else {"a": lost})


def test_a_year_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    parquet.write_table(pa.table({"a": pa.array([0, 253_402_300_800], pa.timestamp("s"))}), path)
    with pytest.raises(DataError, match="'a' is out of range"):
        rows_of(path)


def test_a_wanted_kind_of_parquet_is_taken_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    prices = pa.array([Decimal("1.50"), Decimal("2.00")])
    parquet.write_table(pa.table({"a": [1.0, None], "b": [True, False], "c": prices}), path)
    columns = rows_of(path, columns={"a": "integer"}).spec.columns
    assert [each.kind for each in columns] == ["integer", "boolean", "float"]
    assert columns[2].digits == 2
    with pytest.raises(DataError, match="the column 'b' holds bool, which cannot be integer"):
        rows_of(path, columns={"b": "integer"})
    with pytest.raises(DataError, match="the column 'a' holds double, which cannot be boolean"):
        rows_of(path, columns={"a": "boolean"})


@pytest.mark.parametrize("name", ["a b", "it's", "a.b"])
def test_the_advice_on_a_cell_works_for_every_name(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f"{name},b\n1,x\ninf,y\n")
    with pytest.raises(DataError) as raised:
        rows_of(path)
    (word,) = shlex.split(raised.value.hint or "", comments=True)
    data = override_layer([word]).data["dataset"]
    assert rows_of(path, columns=data["columns"]).spec.columns[0].categories == ("1", "inf")


@pytest.mark.parametrize(
    ("names", "said"), [("aa", ": two columns are called 'a'"), (["", "b"], "column 1 has no name")]
)
def test_parquet_needs_names_too(tmp_path: Path, names, said: str) -> None:
    path = tmp_path / "mine.parquet"
    parquet.write_table(pa.table([[1, 2], [3, 4]], names=list(names)), path)
    with pytest.raises(DataError) as raised:
        rows_of(path)
    assert said in raised.value.message
    assert ":1" not in raised.value.message


@pytest.mark.parametrize(
    "days",
    [
        ("1/5/2024", "12/25/2023"),
        ("5.1.2024 9:05", "12.12.2023 10:20"),
        ("2024-01-05 09:05", "2023-12-12 10:20"),
        ("2024/01/05 09:05:00", "2023/12/12 10:20:59"),
    ],
)
def test_datetimes_are_written_in_the_form_of_the_file(tmp_path: Path, days) -> None:
    text = "\n".join(["day", *days, ""])
    rows = rows_of(written(tmp_path, text))
    assert rows.spec.columns[0].kind == "datetime"
    for name in ("out.csv", "out.parquet"):
        rows.spec.kind.write(rows.spec, tmp_path / name, rows.values)
        found = rows.spec.kind.read(rows.spec, tmp_path / name, no_dataset)
        assert torch.equal(found, rows.values)
    assert (tmp_path / "out.csv").read_text() == text


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_file_is_written_as_it_was_read(tmp_path: Path, separator: str) -> None:
    text = "name;price;n\nx;1,50;1\ny;-2,25;\nz;30,00;3\n".replace(";", separator)
    rows = rows_of(written(tmp_path, text))
    assert [each.kind for each in rows.spec.columns] == ["category", "float", "integer"]
    assert rows.values[:, 1].tolist() == [1.5, -2.25, 30]
    again = SampleSpec.from_json(rows.spec.to_json())
    out = tmp_path / "out.csv"
    again.kind.write(again, out, rows.values)
    assert out.read_text() == text
    torch.testing.assert_close(
        again.kind.read(again, out, no_dataset), rows.values, rtol=0, atol=0, equal_nan=True
    )


def no_dataset(*about: object) -> torch.Tensor:
    raise AssertionError


@pytest.mark.parametrize("suffix", [".tsv", ".parquet"])
def test_other_formats_hold_the_same_rows(tmp_path: Path, suffix: str) -> None:
    text = "day,at,n,x,c,yes\n2024-01-31,2024-01-31T10:00:01,1,0.5,u,true\n" + (
        "2023-02-28,2023-02-28T00:00:00,,,,\n2023-02-28,2023-02-28T00:00:00,7,2.25,v,false\n"
    )
    rows = rows_of(written(tmp_path, text))
    out = tmp_path / f"out{suffix}"
    rows.spec.kind.write(rows.spec, out, rows.values)
    found = rows_of(out)
    assert [each.kind for each in found.spec.columns] == [each.kind for each in rows.spec.columns]
    for values in (found.values, rows.spec.kind.read(rows.spec, out, no_dataset)):
        torch.testing.assert_close(values, rows.values, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\nTrue,NA\nFALSE,1\nnull,2\n",
        "a,b\nx,None\nNA,1.5\nN/A,\n",
        "a\n1\n\n\n4\n",
        "\n\na,b\n1,2\n\n3,4\n",
        "\n\na\n1\n3\n",
        f"a,b\n{'x' * 200_000},1\ny,2\n",
        "a,b\r1,x\r3,y\r",
    ],
)
def test_the_file_that_was_trained_on_can_be_scored(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    rows = rows_of(path)
    found = rows.spec.kind.read(rows.spec, path, no_dataset)
    torch.testing.assert_close(found, rows.values, rtol=0, atol=0, equal_nan=True)


def test_parquet_that_was_trained_on_can_be_scored(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    columns = {
        "fine": pa.array([1, 1_700_000_000_123_456_789, None], pa.timestamp("ns")),
        "zoned": pa.array([0, 1_700_000_000, None], pa.timestamp("s", "Europe/Berlin")),
        "code": pa.array([1.5, 2.0, None]),
        "yes": pa.array([True, None, False]),
    }
    parquet.write_table(pa.table(columns), path)
    rows = rows_of(path, columns={"code": "category", "yes": "category"})
    found = rows.spec.kind.read(rows.spec, path, no_dataset)
    torch.testing.assert_close(found, rows.values, rtol=0, atol=0, equal_nan=True)


def test_a_zero_has_no_sign(tmp_path: Path) -> None:
    rows = rows_of(written(tmp_path, "a,b\n0.25,1e3\n1.50,2\n"))
    out = tmp_path / "out.csv"
    rows.spec.kind.write(rows.spec, out, torch.tensor([[-0.0, -0.0], [-0.001, 1.0]]))
    assert out.read_text() == "a,b\n0.00,0.0\n0.00,1.0\n"


def test_a_column_without_any_value_stays_so(tmp_path: Path) -> None:
    rows = rows_of(written(tmp_path, "a,b\n1,\n2,NA\n3,\n"))
    made = rows.spec.kind.decode(rows.spec, torch.randn(3, *rows.spec.model_shape))
    out = tmp_path / "out.csv"
    rows.spec.kind.write(rows.spec, out, made)
    assert {line.split(",")[1] for line in out.read_text().splitlines()[1:]} == {""}


def test_a_column_is_left_out_and_said(tmp_path: Path) -> None:
    rows = rows_of(written(tmp_path, "id,b\n1,x\n2,y\n"), columns={"id": "skip"})
    assert [each.name for each in rows.spec.columns] == ["b"]
    assert rows.skipped == ["the column 'id' of mine.csv, as dataset.columns says"]
    with pytest.raises(DataError, match="all columns are left out"):
        rows_of(written(tmp_path, "id\n1\n2\n"), columns={"id": "skip"})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([*map(str, range(99)), "oops"], "numbers, but 1 such as 'oops' in line 101"),
        (["2024-01-31", "2024-02-30"], "dates, but not of one form that is known"),
        (["5%", "7%"], "numbers? write them as 1234.5"),
        (["1\u00a0234", "2\u202f345"], "numbers? write them as 1234.5"),
        (['"1,234"', '"2,345"'], "numbers? write them as 1234.5"),
        ([*map(str, range(10)), *"---"], "numbers, but 3 such as '-' in line 12"),
        (["00123", "01234"], None),
        (["x", "", ""], None),
        (["01/02/2024", "03/04/2024"], "%m/%d/%Y would fit too"),
        (["1", "9007199254740993"], "integers beyond 2^53 are rounded"),
        (["x", "1"], None),
    ],
)
def test_what_a_column_may_be_instead_is_said(tmp_path: Path, cells: list[str], said) -> None:
    notes = rows_of(written(tmp_path, "\n".join(["c", *cells, ""]))).notes
    assert notes == {} if said is None else said in notes["c"]


def test_bytes_that_are_no_utf_8_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not UTF-8"):
        rows_of(written(tmp_path, "a\nä\nö\n", encoding="latin-1"))


def test_a_wanted_kind_is_taken_or_refused_with_the_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,x\n2,y\noops,z\n")
    with pytest.raises(DataError, match=":4  'oops' in the column 'a' is not of the kind float"):
        rows_of(path, columns={"a": "float"})
    with pytest.raises(DataError, match="has no column 'c'"):
        rows_of(path, columns={"c": "float"})
    with pytest.raises(DataError, match="no kind 'number'"):
        rows_of(path, columns={"a": "number"})
    numbers = written(tmp_path, "a\n1\n2\n2\n", "other.csv")
    assert rows_of(numbers, columns={"a": "category"}).spec.columns[0].categories == ("1", "2")
