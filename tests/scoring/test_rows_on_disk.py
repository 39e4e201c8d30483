"""Rows in a temporary file are memory-mapped and equal to those that were added."""

import pytest
import torch

from ganzoo.errors import DiskFull
from ganzoo.rows import RowsOnDisk
from ganzoo.scoring.metric_inputs import gathered

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_rows_are_read_as_they_were_written(dtype: torch.dtype) -> None:
    rows = torch.arange(5 * 2 * 3).reshape(5, 2, 3).to(dtype)
    kept = RowsOnDisk((2, 3), dtype)
    for part in rows.split([2, 0, 3]):
        kept.add(part)
    assert torch.equal(gathered(kept, CPU).tensor(), rows)
    assert len(kept) == 5


def test_mapped_rows_outlive_their_object() -> None:
    kept = RowsOnDisk((), torch.int64)
    kept.add(torch.arange(9))
    rows = kept.tensor()
    del kept
    assert rows.tolist() == list(range(9))


def test_no_rows_are_an_empty_tensor() -> None:
    assert RowsOnDisk((4,), torch.float32).tensor().shape == (0, 4)


def test_a_full_disk_is_an_error_that_names_the_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = RowsOnDisk((4,), torch.float32)

    class Full:
        def write(self, content: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "_file", Full())
    with pytest.raises(DiskFull, match="No space left on device") as caught:
        kept.add(torch.zeros(2, 4))
    assert caught.value.hint == "export TMPDIR=DIRECTORY, one with more room"
