"""Rows in a file: the same as went in, mapped and not read."""

import pytest
import torch

from ganzoo.errors import DiskFull
from ganzoo.scoring.metric_inputs import RowsOnDisk

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_rows_come_back_as_they_went_in(dtype: torch.dtype) -> None:
    rows = torch.arange(5 * 2 * 3).reshape(5, 2, 3).to(dtype)
    kept = RowsOnDisk((2, 3), dtype)
    for part in rows.split([2, 0, 3]):
        kept.add(part)
    assert torch.equal(kept.gathered(CPU).tensor(), rows)
    assert len(kept) == 5


def test_what_is_mapped_outlives_its_keeper() -> None:
    kept = RowsOnDisk((), torch.int64)
    kept.add(torch.arange(9))
    rows = kept.tensor()
    del kept
    assert rows.tolist() == list(range(9))


def test_no_rows_are_an_empty_tensor() -> None:
    assert RowsOnDisk((4,), torch.float32).tensor().shape == (0, 4)


def test_a_full_disk_is_one_error_that_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = RowsOnDisk((4,), torch.float32)

    class Full:
        def write(self, content: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "_file", Full())
    with pytest.raises(DiskFull, match="No space left on device") as caught:
        kept.add(torch.zeros(2, 4))
    assert caught.value.hint == "export TMPDIR=DIRECTORY, one with more room"
