"""A file of series → windows of two splits that share no step; what is wrong with it is said."""

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from ganzoo_table.reading import read_source
from ganzoo_table.series.datasets.windows import FileWindows
from ganzoo_table.series.own import find_group, find_time
from pyarrow import parquet

from ganzoo.api import DataError, SampleSpec


def written(tmp_path: Path, text: str, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def counting(tmp_path: Path, rows: int = 100, times: list | None = None) -> Path:
    """Write a file whose channel x is the number of the row, and y its negative."""
    times = times or list(range(rows))
    lines = [f"{times[row]},{row},{-row}" for row in range(rows)]
    return written(tmp_path, "t,x,y\n" + "\n".join(lines) + "\n")


def windows(path: Path, split: str = "train", **about) -> torch.Tensor:
    data = FileWindows(split, path=path, **{"length": 5, "time": "t", "holdout": 0.2, **about})
    return data.tensors()[0]


def test_windows_are_the_rows_in_order_and_the_hold_out_is_the_end(tmp_path: Path) -> None:
    path = counting(tmp_path)
    train, test = windows(path), windows(path, "test")
    assert train[:, 0].tolist() == [list(range(start, start + 5)) for start in range(76)]
    assert test[:, 0].tolist() == [list(range(start, start + 5)) for start in range(80, 96)]
    assert torch.equal(train[:, 1], -train[:, 0])
    data = FileWindows("test", path=path, time="t", length=5, holdout=0.2)
    assert [column.range for column in data.spec.columns] == [(0, 79), (-79, 0)]
    assert torch.equal(data[3][0], test[3])


@pytest.mark.parametrize("blocks", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 3])
def test_windows_of_the_two_splits_share_no_step(tmp_path: Path, blocks: int, stride: int) -> None:
    path = counting(tmp_path, 200)
    train, test = (
        set(windows(path, split, blocks=blocks, stride=stride)[:, 0].flatten().tolist())
        for split in ("train", "test")
    )
    assert not train & test
    assert len(test) > 20
    if blocks == 5:
        assert min(test) < 40


def test_no_window_crosses_a_gap_or_a_border_of_series(tmp_path: Path) -> None:
    path = counting(tmp_path, times=[row + 10 * (row >= 30) for row in range(100)])
    data = FileWindows("train", path=path, time="t", length=5, holdout=0.2)
    found = data.tensors()[0][:, 0]
    assert (found.diff() == 1).all()
    assert not any({29, 30} <= set(window) for window in found.tolist())
    assert "windows across 1 gap in time" in data.skipped
    lines = [f"{row},{'ab'[row % 2]},{row}" for row in range(100)]
    path = written(tmp_path, "t,who,x\n" + "\n".join(lines) + "\n")
    found = windows(path, group="who", holdout=0.0)
    assert (found.diff() == 2).all()
    assert len(found) == 2 * 46


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y"],
)
def test_times_may_be_datetimes(tmp_path: Path, form: str) -> None:
    start = datetime(2024, 1, 31)
    times = [(start + timedelta(days=day)).strftime(form) for day in range(100)]
    times = times[:50] + [
        (start + timedelta(days=day + 9)).strftime(form) for day in range(50, 100)
    ]
    data = FileWindows("train", path=counting(tmp_path, times=times), time="t", length=5)
    assert "windows across 1 gap in time" in data.skipped
    assert [column.name for column in data.spec.columns] == ["x", "y"]


def test_parquet_keeps_fractions_of_seconds(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    times = pa.array([datetime(2024, 1, 1) + timedelta(milliseconds=10 * n) for n in range(60)])
    parquet.write_table(pa.table({"t": times, "x": list(range(60))}), path)
    assert len(windows(path, holdout=0.0)) == 56


def test_missing_values_are_refused_or_filled_within_a_piece(tmp_path: Path) -> None:
    rows = [f"{row},{'' if row in (0, 4, 5, 40) else row}" for row in range(50)]
    path = written(tmp_path, "t,x\n" + "\n".join(rows) + "\n")
    with pytest.raises(DataError, match=":2  has no x"):
        windows(path)
    line = windows(path, fill="linear", stride=5)
    assert line[0, 0].tolist() == [1, 1, 2, 3, 4]  # the end of the series is the nearest value
    assert line[1, 0].tolist() == [5, 6, 7, 8, 9]
    assert windows(path, fill="previous", stride=5)[1, 0].tolist() == [3, 6, 7, 8, 9]
    test = windows(path, "test", fill="linear")
    assert test[0, 0].tolist() == [41, 41, 42, 43, 44]  # not 40, which lies across the border
    data = FileWindows("train", path=path, time="t", length=5, fill="linear")
    assert "4 missing values, filled in (linear)" in data.skipped


@pytest.mark.parametrize(
    ("text", "about", "said"),
    [
        ("t,x\n1,1\n3,2\n2,3\n", {}, ":4  has an earlier t than row 2"),
        ("t,x\n1,1\n2,2\n2,3\n", {}, ":4  has the same t as row 2"),
        ("t,x\n1,1\n,2\n", {}, ":3  has no t"),
        ("t,x\n1,1\nsoon,2\n", {}, ":3  'soon' in the column 't' is not of the kind float"),
        (
            "t,x\n2024-01-31,1\n7,2\n",
            {},
            ":3  '7' in the column 't' is not of the kind datetime",
        ),
        ("t,x\n1,1\n2,2\n", {}, "the longest piece to train on has 2 steps, and a window 5"),
        ("t,x\n1,a\n2,b\n", {}, "has no column of numbers"),
        ("t,x\n1,1\n2,b\n", {"columns": ("x",)}, ":3  'b' in the column 'x'"),
        ("t,x\n1,1\n", {"columns": ("z",)}, "has no column 'z'"),
        ("t,x\n1,1\n", {"columns": ("t",)}, "'t' is named twice"),
        ("t,g,x\n1,a,1\n2,,2\n", {"group": "g"}, ":3  has no g"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    tmp_path: Path, text: str, about: dict, said: str
) -> None:
    with pytest.raises(DataError) as raised:
        windows(written(tmp_path, text), **{"holdout": 0.0, **about})
    assert said in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_missing_values_in_pieces_that_are_left_out_do_not_matter(tmp_path: Path) -> None:
    rows = [f"{row},{'' if row == 52 else row}" for row in range(100) if row not in (51, 53)]
    path = written(tmp_path, "t,x\n" + "\n".join(rows) + "\n")
    for fill in ("refuse", "linear"):
        data = FileWindows("train", path=path, time="t", length=5, fill=fill)
        assert data.tensors()[0].isfinite().all()
        assert not any("filled in" in line for line in data.skipped)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["2024-01-01 00:00:00.5", "", "2024-01-01 00:00:01.5"], ":3  has no t"),
        (["2024-01-01 00:00:00.5", "NA", "2024-01-01 00:00:01.5"], ":3  has no t"),
        (["1", "soon", "3"], ":3  'soon' in the column 't' is not of the kind float"),
    ],
)
def test_a_wrong_time_is_the_one_that_is_named(tmp_path: Path, cells: list, said: str) -> None:
    path = written(tmp_path, "t,x\n" + "".join(f"{cell},1\n" for cell in cells))
    with pytest.raises(DataError) as raised:
        windows(path)
    assert said in raised.value.message
    assert "dataset.columns.t" not in str(raised.value.hint)


def test_advice_on_a_channel_is_for_series(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        windows(written(tmp_path, "t,x\n1,inf\n2,1\n"))
    assert raised.value.hint == "correct the cell, or leave x out of dataset.columns"


def test_a_column_of_lists_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    parquet.write_table(pa.table({"tags": [[1]] * 50, "t": range(50), "x": range(50)}), path)
    assert find_time(read_source(path)) == "t"
    data = FileWindows("train", path=path, time="t", length=5)
    assert data.skipped == ["columns without numbers: tags"]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_windows_have_the_separator_and_the_decimal_sign_of_the_file(
    tmp_path: Path, separator: str
) -> None:
    rows = [f"{row}{separator}{row},50" for row in range(50)]
    path = written(tmp_path, "\n".join([f"t{separator}x", *rows, ""]))
    data = FileWindows("train", path=path, time="t", length=5)
    spec = SampleSpec.from_json(data.spec.to_json())
    out = tmp_path / "out.csv"
    spec.kind.write(spec, out, data.tensors()[0])
    expected = [["window", "step", "x"], ["0", "0", "0,50"], ["0", "1", "1,50"]]
    assert out.read_text().splitlines()[:3] == [separator.join(cells) for cells in expected]
    assert torch.equal(spec.kind.read(spec, out, None), data.tensors()[0])


def test_a_hold_out_shorter_than_a_window_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the longest piece held out has 4 steps"):
        windows(counting(tmp_path, 40), holdout=0.1)


def test_windows_of_working_days_cross_weekends_if_the_gap_is_longer(tmp_path: Path) -> None:
    days = [datetime(2024, 1, 1) + timedelta(days=day) for day in range(140) if day % 7 < 5]
    path = counting(tmp_path, times=[f"{day:%Y-%m-%d}" for day in days])
    with pytest.raises(DataError) as raised:
        windows(path, length=8)
    assert "dataset.gap=4.5" in str(raised.value.hint)
    assert len(windows(path, length=8, gap=4.5)) == 73


def test_a_channel_with_a_name_of_the_file_of_windows_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "step,x\n" + "".join(f"{row},{row}\n" for row in range(50)))
    with pytest.raises(DataError, match="no channel can be called 'step'"):
        FileWindows("train", path=path, length=4)
    assert len(windows(path, time="step", holdout=0.0)) == 46


@pytest.mark.parametrize("measure_first", [True, False])
def test_the_group_of_a_new_recipe_is_a_column_of_few_values(
    tmp_path: Path, measure_first: bool
) -> None:
    rows = [(row // 2, 7.5 * row, "ab"[row % 2]) for row in range(100)]
    order = (0, 1, 2) if measure_first else (0, 2, 1)
    lines = [",".join(str(row[place]) for place in order) for row in rows]
    head = ",".join(("t", "x", "who")[place] for place in order)
    source = read_source(written(tmp_path, head + "\n" + "\n".join(lines) + "\n"))
    assert find_time(source) == "t"
    assert find_group(source, "t") == "who"


def test_columns_without_numbers_are_left_out_and_named(tmp_path: Path) -> None:
    path = written(tmp_path, "x,note\n" + "".join(f"{row},n{row}\n" for row in range(50)))
    data = FileWindows("train", path=path, length=4)
    assert data.skipped == ["columns without numbers: note"]
    assert len(data) == 42
