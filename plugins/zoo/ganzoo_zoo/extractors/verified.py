"""Files of weights, used only if their hash is the expected one."""

from hashlib import sha256
from pathlib import Path

from ganzoo.api import DataError


def verified_bytes(path: Path, expected_sha256: str, *, hint: str) -> bytes:
    """Return the content of a file.

    Raises:
        DataError: it cannot be read, or its hash differs.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if (found := sha256(content).hexdigest()) != expected_sha256:
        raise DataError(
            f"{path} is not the expected file: its sha256 is {found}, not {expected_sha256}",
            hint=hint,
        )
    return content
