"""What a plugin raises is its error, with its words; out of memory is nobody's."""

import pytest
import torch

from ganzoo.errors import DataError, PluginError, plugin_failures

NO_MEMORY = [
    MemoryError("no room"),
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
]


def test_an_error_of_a_plugin_becomes_one_of_ganzoo_with_its_words() -> None:
    with pytest.raises(PluginError, match=r"acme/g: ValueError: wrong shape") as raised:
        with plugin_failures(lambda what: PluginError(f"acme/g: {what}")):
            raise ValueError("wrong shape")
    assert isinstance(raised.value.__cause__, ValueError)


@pytest.mark.parametrize("error", [*NO_MEMORY, DataError("no such split")], ids=repr)
def test_out_of_memory_and_errors_of_ganzoo_stay_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        with plugin_failures(PluginError):
            raise error
    assert raised.value is error
