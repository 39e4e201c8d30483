"""Files of weights, used only if their hash is the expected one."""

from hashlib import sha256
from pathlib import Path

from ganzoo.api import DataError, read_regular

MOST_BYTES = 1 << 33
"""Largest size of a file of weights: 8 GiB."""


def verified_bytes(path: Path, expected_sha256: str, *, hint: str) -> bytes:
    """Return the content of a file.

    Raises:
        DataError: it cannot be read, or its hash differs.
    """
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if (found := sha256(content).hexdigest()) != expected_sha256:
        raise DataError(
            f"{path} is not the expected file: its sha256 is {found}, not {expected_sha256}",
            hint=hint,
        )
    return content
