"""From merged data to what `Settings` validates: components apart from their parameters, and the
optimizer of each player folded over `both` and the default."""

import re
from dataclasses import dataclass, field
from typing import Any

from ganzoo.recipes.component_paths import BOTH, DEFAULT_IDS, NAMED_BY_KEY, KeyPath, kind_of
from ganzoo.recipes.merge import Note
from ganzoo.recipes.partial import PLACEHOLDER
from ganzoo.recipes.scalars import shown
from ganzoo.recipes.schema import DEFAULT_OPTIMIZER
from ganzoo.registry.names import qualify

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)?")
_SLOT_KEYS = {"regularizer": ("weight", "every_steps"), "optimizer": ("groups",)}
_AUTO = ("eval", "extractor")


@dataclass
class Shape:
    """The input of `Settings`, with what was wrong and what was dropped on the way."""

    data: dict[str, Any] = field(default_factory=dict)
    problems: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def refuse(self, path: KeyPath, words: str) -> None:
        """Note a problem."""
        self.problems.append(Note(path, words))


def shape(data: dict[str, Any]) -> Shape:
    """Shape merged data, less the slots that null removed."""
    shaped = Shape()
    optimizers = data.get("optimizers", {})
    if isinstance(optimizers, dict):
        data = data | {"optimizers": _optimizers(optimizers, shaped)}
    shaped.data = _part(data, (), shaped)
    return shaped


def _part(value: Any, path: KeyPath, shaped: Shape) -> Any:
    if kind := kind_of(path):
        return None if value is None else _component(value, path, kind, shaped)
    if isinstance(value, dict):
        return {key: _part(each, (*path, key), shaped) for key, each in value.items()}
    if isinstance(value, list):
        return [_part(each, (*path, str(place)), shaped) for place, each in enumerate(value)]
    return value


def _component(value: Any, path: KeyPath, kind: str, shaped: Shape) -> Any:
    """Return a component's node; a placeholder where it is wrong, so that one mistake is one."""
    if mistake := _mistake(value, path, kind):
        shaped.problems.append(mistake)
        return PLACEHOLDER
    use = value.get("use", _default_id(path))
    parameters = {key: each for key, each in value.items() if key != "use"}
    if path == _AUTO and use == "auto":
        if parameters:
            shaped.refuse(path, "`auto` has no parameters: name the extractor")
        return use
    slot = {key: parameters.pop(key) for key in _SLOT_KEYS.get(kind, ()) if key in parameters}
    return {"use": use, "parameters": parameters} | slot


def _mistake(value: Any, path: KeyPath, kind: str) -> Note | None:
    if not isinstance(value, dict):
        what = f"expected the name of a {kind} or a mapping with `use`, got {shown(value)}"
        return Note(path, what)
    use = value.get("use", _default_id(path))
    if use is None:
        return Note(path, f"does not say which {kind}: give `use`")
    if not isinstance(use, str) or not use:
        return Note((*path, "use"), f"expected the name of a {kind}, got {shown(use)}")
    if path[0] in NAMED_BY_KEY and not _KEY.fullmatch(path[-1]):
        return Note(path, "a key here is one word of letters, digits, '-' and '_'")
    return None


def _default_id(path: KeyPath) -> str | None:
    return path[-1] if path[0] in NAMED_BY_KEY else DEFAULT_IDS.get(path)


def _optimizers(written: dict[str, Any], shaped: Shape) -> dict[str, Any]:
    """Fold the optimizer of each side over `both`, and that over the default.

    `both` is left out; what is no mapping is left as it is, to be refused.
    """
    both = _over(DEFAULT_OPTIMIZER, written.get("both", {}))
    if not isinstance(both, dict) or not isinstance(both["use"], str):
        shaped.refuse(BOTH, "expected the name of an optimizer, or a mapping")
        both = DEFAULT_OPTIMIZER
    folded = {key: value for key, value in written.items() if key != "both"}
    for side in ("generator", "discriminator"):
        node = folded[side] = _over(both, written.get(side, {}))
        if lost := _lost(written.get("both"), node):
            words = f"is {shown(node['use'])}; what both sets does not apply: {', '.join(lost)}"
            shaped.notes.append(Note(("optimizers", side), words))
    return folded


def _over(outer: dict[str, Any], inner: Any) -> Any:
    """Return what `inner` says over `outer`, or `inner` alone where it is another component."""
    if not isinstance(inner, dict):
        return inner
    use = inner.get("use", outer["use"])
    same = isinstance(use, str) and qualify(use) == qualify(outer["use"])
    return outer | inner if same else inner


def _lost(written: Any, node: Any) -> list[str]:
    if not (isinstance(written, dict) and isinstance(node, dict)):
        return []
    return [key for key in written if key != "use" and key not in node]
