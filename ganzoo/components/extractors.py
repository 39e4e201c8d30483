"""Which extractor scores a data set where nobody names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganzoo.api import Registration
from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.fetching import cached
from ganzoo.registry.names import shorten

if TYPE_CHECKING:
    from ganzoo.registry.registry import Registry

GENERAL = "inception"
"""What images are scored with whose data set names no extractor; a core word."""


def automatic_extractor(dataset: Registration, registry: Registry) -> str:
    """Return the extractor that a data set names, or `GENERAL` for images, if its files are here.

    Whether the files are whole is seen when the extractor reads them.

    Raises:
        UsageError: there is none; the hint says what to do about it.
    """
    if dataset.extractor is not None:
        return dataset.extractor
    missing = f"{shorten(dataset.id)} names no extractor"
    if dataset.modalities != {"image"}:
        raise UsageError(f"{missing}, and {GENERAL} is for images", hint="ganzoo list extractors")
    try:
        files = registry.get("extractor", GENERAL).files
    except PluginError as error:
        raise UsageError(f"{missing}, and {error.message}", hint=error.hint) from error
    if not all(cached(file).is_file() for file in files):
        raise UsageError(
            f"{missing}, and the weights of {GENERAL} are not in the cache",
            hint=f"ganzoo fetch {GENERAL}",
        )
    return GENERAL
