"""Windows between the units of the data and what networks see, and as files."""

from pathlib import Path

import pytest
import torch
from ganzoo_table.series.datasets.ar2 import AR2

from ganzoo.api import Column, DataError, SampleSpec

LEVEL, COUNT = (
    Column("level", range=(-2.0, 6.0), digits=2),
    Column("count", "integer", range=(0, 9)),
)
SPEC = SampleSpec("table/series", (2, 3), columns=(LEVEL, COUNT))
WINDOW = torch.tensor([[[-2.0, 2.0, 6.0], [0.0, 9.0, 3.0]]], dtype=torch.float64)


def test_the_ends_of_a_channels_range_are_minus_one_and_one() -> None:
    seen = SPEC.kind.encode(SPEC, WINDOW)
    torch.testing.assert_close(seen[0], torch.tensor([[-1, 0, 1], [-1, 1, -1 / 3]]))
    assert torch.equal(SPEC.kind.decode(SPEC, seen), WINDOW)


def test_real_values_beyond_the_range_keep_their_place_and_generated_ones_are_clamped() -> None:
    beyond = WINDOW.clone()
    beyond[0, 0, 0] = 10.0
    assert SPEC.kind.encode(SPEC, beyond)[0, 0, 0] == 2
    assert SPEC.kind.decode(SPEC, torch.full((1, 2, 3), 2.0))[0].unique(dim=1).tolist() == [
        [6],
        [9],
    ]


def test_a_constant_channel_comes_back_whatever_a_network_says() -> None:
    spec = SampleSpec("table/series", (1, 4), columns=(Column("c", range=(7.5, 7.5)),))
    stored = torch.full((2, 1, 4), 7.5, dtype=torch.float64)
    assert torch.equal(spec.kind.encode(spec, stored), torch.zeros(2, 1, 4))
    assert torch.equal(spec.kind.decode(spec, torch.randn(2, 1, 4)), stored)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ((LEVEL,), "2 channels need as many columns"),
        ((LEVEL, LEVEL), "different names"),
        ((LEVEL, Column("step", range=(0, 1))), "other than window and step"),
        ((LEVEL, Column("x")), "'x' has no finite range"),
        ((LEVEL, Column("x", "boolean", range=(0, 1))), "'boolean' is no kind of number"),
    ],
)
def test_channels_that_cannot_be_are_refused(columns: tuple[Column, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SampleSpec("table/series", (2, 3), columns=columns)


def test_a_csv_has_a_row_for_each_step_and_is_read_again_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    windows = torch.cat([WINDOW, WINDOW.flip(2)])
    SPEC.kind.write(SPEC, path, windows)
    head, *rows = path.read_text().splitlines()
    assert head == "window,step,level,count"
    assert rows[:2] == ["0,0,-2.00,0", "0,1,2.00,9"]
    path.write_text("\n".join([head, *reversed(rows)]))
    assert torch.equal(SPEC.kind.read(SPEC, path, None), windows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("window,step,level\n0,0,1\n", "has the columns window, step, level"),
        ("window,step,level,count\n0,0,1,2\n0,1,1,2\n", "window 0 does not have the steps 0 to 2"),
        ("window,step,level,count\n0,0,1,2\n0,1,,2\n0,2,1,2\n", ":3  has no level"),
        ("window,step,level,count\n0,0,1,2\n0,1,x,2\n", ":3  'x' in the column 'level'"),
    ],
)
def test_a_csv_that_is_no_windows_is_refused_in_one_line(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "new.csv"
    path.write_text(text)
    with pytest.raises(DataError) as raised:
        SPEC.kind.read(SPEC, path, None)
    assert said in raised.value.message
    assert "\n" not in raised.value.message


def test_the_range_is_that_of_the_training_windows() -> None:
    train, test = (AR2(split, length=50) for split in ("train", "test"))
    windows = train.tensors()[0][:, 0]
    assert train.spec == test.spec
    assert train.spec.columns[0].range == (windows.min(), windows.max())
    assert not torch.equal(test.tensors()[0][:, 0], windows)
