"""Files of weights, used only if they are the ones that are meant."""

from hashlib import sha256
from pathlib import Path

from ganzoo.api import DataError


def verified_bytes(path: Path, expected_sha256: str, *, hint: str) -> bytes:
    """Return what a file holds.

    Raises:
        DataError: it cannot be read, or its hash is another.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if (found := sha256(content).hexdigest()) != expected_sha256:
        raise DataError(
            f"{path} is not the file that is meant: its sha256 is {found}, not {expected_sha256}",
            hint=hint,
        )
    return content
