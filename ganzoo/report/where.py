"""Conditions on recipes: ``optimizers.both.lr>=1e-3``, ``generator=dcgan``, ``name=digits-*``."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ganzoo.errors import UsageError
from ganzoo.recipes.yaml import PATTERNS, construct
from ganzoo.registry.names import guess, shorten

_FORM = re.compile(r"\s*(?P<key>[^\s=!<>]+)\s*(?P<sign><=|>=|!=|==?|<|>)\s*(?P<value>.*?)\s*")
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """One condition on a resolved recipe."""

    key: str
    sign: str
    value: Any

    @classmethod
    def of(cls, text: str) -> "Condition":
        """Parse ``key=value``; the sign may also be ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``.

        Raises:
            UsageError: the text has another form, or an ordering sign without a number.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise UsageError(
                f"--where: {text!r} is not a condition",
                hint="--where 'generator=dcgan' --where 'train.steps>=1000'",
            )
        value = _value(match["value"])
        if match["sign"] in _ORDERS and not _is_number(value):
            raise UsageError(
                f"--where: {match['sign']} needs a number, not {match['value']!r}",
                hint=f"--where '{match['key']}={match['value']}'",
            )
        return cls(match["key"], match["sign"], value)

    def holds(self, leaves: Mapping[str, Any]) -> bool:
        """Whether a recipe's leaves satisfy it; a missing key equals no value."""
        found = leaves.get(self.key)
        if self.sign in _ORDERS:
            return _is_number(found) and _ORDERS[self.sign](found, self.value)
        return _equal(found, self.value) == (self.sign in ("=", "=="))


def require_known(conditions: Iterable[Condition], recipes: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a key that no recipe has.

    Raises:
        UsageError: there is no such key; names the nearest one.
    """
    known = sorted({key for leaves in recipes for key in leaves})
    for condition in conditions:
        if known and condition.key not in known:
            raise UsageError(
                f"--where: no run's recipe has {condition.key!r}{guess(condition.key, known)}",
                hint="ganzoo show digits-dcgan-hinge   # a recipe with every key",
            )


def _value(text: str) -> Any:
    tag = next((tag for tag, pattern in PATTERNS.items() if pattern.match(text)), "")
    try:
        return construct(tag, text)
    except ValueError as error:
        raise UsageError(f"--where: {text!r} {error}") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(found: Any, wanted: Any) -> bool:
    """Whether a value equals the wanted one, which may be a shell pattern or a short id."""
    if isinstance(found, Mapping) and "use" in found:
        found = found["use"]  # components in a list are mappings
    if isinstance(found, list):
        items = _items(wanted)
        return items is not None and len(items) == len(found) and all(map(_equal, found, items))
    if isinstance(found, str) and isinstance(wanted, str):
        return fnmatchcase(shorten(found), shorten(wanted))
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return bool(found == wanted)


def _items(wanted: Any) -> list[Any] | None:
    """Return the values in ``[a, b]``; None if the text is no list."""
    if not (isinstance(wanted, str) and wanted.startswith("[") and wanted.endswith("]")):
        return None
    return (
        [_value(item.strip()) for item in wanted[1:-1].split(",")] if wanted[1:-1].strip() else []
    )
