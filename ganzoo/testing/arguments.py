"""The specs and latents that the kit tests components with: its own and the user's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from ganzoo.api import MODALITIES, SampleSpec
from ganzoo.components.parameters import adhoc_component
from ganzoo.errors import UsageError, describe
from ganzoo.modalities import modality
from ganzoo.recipes.validate import readable_errors
from ganzoo.registry.names import guess

if TYPE_CHECKING:
    from ganzoo.components.plan import ComponentPlan
    from ganzoo.registry.registry import Registry

GivenSpec = SampleSpec | Mapping[str, Any] | str
"""A spec, its JSON data, its JSON text, or its short form ``image:3x32x32:10``."""

GivenLatent = Mapping[str, Any] | str
"""A latent's id, ``{"use": id, …parameters}``, or the same as JSON text."""

SPEC = SampleSpec("image", (3, 8, 8), classes=4)
"""The spec of the games of losses and regularizers that support images."""

PAIRED = SampleSpec("image", (3, 16, 16), condition=SampleSpec("image", (3, 16, 16)))
"""Tried where a component of images refuses every other spec, or requires a network that does."""

SHORT = re.compile(r"([^:\s]+):(\d+(?:x\d+)*)(?::(\d+))?")

SPEC_HINT = """image:3x32x32:10 or '{"modality": "text", "shape": [32], "vocabulary": 27}'"""
LATENT_HINT = """gaussian or '{"use": "acme/code", "codes": 10}'"""


# --- specs ---------------------------------------------------------------------------------------


def spec_of(given: GivenSpec) -> SampleSpec:
    """Return a spec from JSON, or from ``MODALITY:SHAPE`` or ``MODALITY:SHAPE:CLASSES``.

    Raises:
        UsageError: it is not a valid spec.
    """
    if isinstance(given, SampleSpec):
        return given
    if isinstance(given, str) and (short := SHORT.fullmatch(given.strip())):
        shape = [int(size) for size in short[2].split("x")]
        data: Any = {"modality": short[1], "shape": shape, "classes": int(short[3] or 0)}
    else:
        data = _json("spec", given, SPEC_HINT)
    return _validated(given, data)


def _validated(given: GivenSpec, data: dict[str, Any]) -> SampleSpec:
    names = [each.name for each in fields(SampleSpec)]
    for name in data:
        if name not in names:
            raise _wrong("spec", given, f"unknown field {name!r}{guess(name, names)}", SPEC_HINT)
    try:
        return TypeAdapter(SampleSpec).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        errors = error.errors()
        if errors[0]["type"] == "value_error":  # raised by SampleSpec or its modality
            what = str(errors[0]["ctx"]["error"])
        else:
            path, words = readable_errors(errors, data)[0]
            what = f"{'.'.join(map(str, path))}: {words}"
        raise _wrong("spec", given, what, SPEC_HINT) from error


def _json(what: str, given: Any, hint: str) -> dict[str, Any]:
    """Return JSON text or a mapping as a mapping of JSON data."""
    data = given
    if isinstance(given, str):
        try:
            data = json.loads(given)
        except json.JSONDecodeError:
            raise _wrong(what, given, "neither JSON nor the short form", hint) from None
    if not isinstance(data, Mapping):
        raise _wrong(what, given, f"expected a mapping, got {describe(data)}", hint)
    return dict(data)


def _wrong(what: str, given: Any, why: str, hint: str) -> UsageError:
    words = given if isinstance(given, str) else json.dumps(given, default=str)
    return UsageError(f"not a {what}: {words}: {why}", hint=f"--{what} {hint}")


def typical_specs(names: Iterable[str], registry: Registry) -> list[SampleSpec]:
    """Return the typical specs of these modalities, loading those of plugins.

    Raises:
        PluginError: one of them is not installed.
    """
    names = list(names)
    for name in names:
        if name not in MODALITIES:
            registry.get("modality", name)
    return [spec for name in names for spec in modality(name).specs()]


def game_specs(names: Iterable[str], registry: Registry) -> list[SampleSpec]:
    """Return a small spec with classes for each modality, for games; `SPEC` if there is none.

    Raises:
        PluginError: one of the modalities is not installed.
    """
    return [_small(name, registry) for name in names] or [SPEC]


def _small(name: str, registry: Registry) -> SampleSpec:
    if name == SPEC.modality:
        return SPEC
    smallest = min(typical_specs([name], registry), key=lambda spec: spec.size)
    return smallest if smallest.classes else replace(smallest, classes=SPEC.classes)


# --- latents -------------------------------------------------------------------------------------


def latent_of(registry: Registry, given: GivenLatent) -> ComponentPlan:
    """Return the plan of a latent, from its id or from ``{"use": id, …parameters}``.

    Raises:
        UsageError: there is no such latent, or a parameter is wrong.
    """
    if isinstance(given, str) and not given.lstrip().startswith("{"):
        return adhoc_component(registry, "latent", given, {})
    data = _json("latent", given, LATENT_HINT)
    use = data.pop("use", None)
    if not isinstance(use, str):
        raise _wrong("latent", given, "it has no id under 'use'", LATENT_HINT)
    return adhoc_component(registry, "latent", use, data)
