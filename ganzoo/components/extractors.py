"""Choose the extractor for a data set whose registration names none."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ganzoo.api import MODALITIES, Registration, SampleSpec
from ganzoo.errors import PluginError, UsageError
from ganzoo.modalities import modality
from ganzoo.registry.fetching import cached
from ganzoo.registry.names import shorten

if TYPE_CHECKING:
    from ganzoo.registry.registry import Registry


def automatic_extractor(dataset: Registration, registry: Registry) -> str:
    """Return the extractor that a data set names, or its modality's, if the files are here.

    Whether the files are whole is seen when the extractor reads them.

    Raises:
        UsageError: no extractor fits; the hint gives the way out.
    """
    if dataset.extractor is not None:
        try:
            registry.get("extractor", dataset.extractor)
        except PluginError as error:
            owner = shorten(dataset.id)
            raise UsageError(f"{owner} is scored with {error.message}", hint=error.hint) from error
        return dataset.extractor
    missing = f"{shorten(dataset.id)} names no extractor"
    general = _general(dataset.modalities)
    if general is None:
        known = {name: modality(name).extractor for name in MODALITIES}
        words = ", ".join(f"{used} is for {name} data" for name, used in known.items() if used)
        raise UsageError(f"{missing}, and {words}", hint="ganzoo list extractors")
    try:
        files = registry.get("extractor", general).files
    except PluginError as error:
        raise UsageError(f"{missing}, and {error.message}", hint=error.hint) from error
    if not all(cached(file).is_file() for file in files):
        raise UsageError(
            f"{missing}, and the weights of {general} are not in the cache",
            hint=f"ganzoo fetch {general}",
        )
    return general


def why_unscored(dataset: Registration, registry: Registry, spec: SampleSpec) -> UsageError:
    """Return the error of `automatic_extractor`, with a hint that fits the data.

    Args:
        dataset: data for which there is no automatic extractor.
    """
    try:
        automatic_extractor(dataset, registry)
    except UsageError as error:
        plain = spec.kind.plain_extractors
        if dataset.extractor is None and plain:
            others = f" or {', '.join(plain[1:])}" if plain[1:] else ""
            offline = f"eval.extractor={plain[0]}{others}"
            download = error.hint or ""
            # Its weights are of photographs in colour; grey pictures would be scored as such.
            if download.startswith("ganzoo fetch ") and spec.shape[0] == 3:
                error.hint = f"{download}   # or, without a download, {offline}"
            else:
                error.hint = offline.replace(" or ", "   # or ", 1)
        return error
    return UsageError("the files of its extractor are here by now", hint="eval.extractor=auto")


def _general(modalities: Collection[str]) -> str | None:
    """Return the extractor for any data of one modality; None if there is none."""
    if len(modalities) != 1:
        return None
    try:
        return modality(*modalities).extractor
    except ValueError:  # another plugin's, which is not installed
        return None
