"""Which plugins are installed, from package metadata alone: nothing is imported here.

Refused here, without an import: plugins for another API version, two distributions with the same
namespace, and namespaces that ``GANZOO_PLUGINS`` leaves out.
"""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions

from ganzoo.api import ENTRY_POINT_GROUP, Registration
from ganzoo.errors import UsageError
from ganzoo.registry.names import DEFAULT_NAMESPACE, LOCAL_NAMESPACE, is_name, suggest

PLUGINS = "GANZOO_PLUGINS"
STRICT = "GANZOO_STRICT"

BUNDLED_DISTRIBUTIONS = {
    DEFAULT_NAMESPACE: "ganzoo-zoo",
    "emoji": "ganzoo-emoji",
    "table": "ganzoo-table",
    "text": "ganzoo-text",
    "audio": "ganzoo-audio",
    "video": "ganzoo-video",
}
"""Namespaces that are reserved for one distribution."""

UNNAMED = "unnamed"
"""Name of a distribution whose metadata is lost."""

_ANY_VERSION = re.compile(r"ganzoo\.v\d+")
_TARGET = re.compile(r"\w+(\.\w+)*(\s*:\s*\w+(\.\w+)*)?(\s*\[.*\])?")


@dataclass
class Namespace:
    """What one plugin distribution brings, or why it is not used.

    `origin` is ``bundled``, ``third-party`` or ``local``; `status` is ``ok``, ``broken``,
    ``disabled``, ``incompatible`` or ``clash``. Unless it is ``ok``, `error` gives the reason and
    `hint` the way out. `load_seconds` and `eager_torch` (importing the plugin imports torch) are
    set when it is loaded.
    """

    name: str
    distribution: str
    version: str
    origin: str = "third-party"
    status: str = "ok"
    error: str | None = None
    hint: str | None = None
    load_seconds: float = 0.0
    eager_torch: bool = False
    registrations: list[Registration] = field(default_factory=list)
    entry_point: EntryPoint | None = field(default=None, repr=False)
    loaded: bool = field(default=False, repr=False)

    def refuse(self, status: str, error: str, hint: str) -> None:
        """Record why this namespace is not used; the first reason stays."""
        if self.status == "ok":
            self.status, self.error, self.hint = status, error, hint

    @property
    def predicate(self) -> str:
        """Status word for messages: a plugin "is broken", but in a clash it "is refused"."""
        return "refused" if self.status == "clash" else self.status

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


def discover() -> list[Namespace]:
    """Return every namespace that an installed distribution declares, usable or not, sorted.

    Raises:
        UsageError: ``GANZOO_PLUGINS`` names no namespace, or one that is not installed.
    """
    found = [namespace for dist in _unique(distributions()) for namespace in _declared_by(dist)]
    allowed = _allowed(found)
    for namespace in found:
        _check_owner(namespace)
        _check_form(namespace)
        _check_version(namespace)
        if allowed is not None and namespace.name not in allowed:
            more = ",".join(sorted({*allowed, namespace.name}))
            namespace.refuse("disabled", f"left out by {PLUGINS}", f"export {PLUGINS}={more}")
    _refuse_clashes(found)
    return sorted(found, key=_order)


def _order(namespace: Namespace) -> tuple[bool, bool, str, str]:
    """Sort the default namespace first, then what is bundled, then the others by name."""
    name = namespace.name
    return namespace.origin != "bundled", name != DEFAULT_NAMESPACE, name, namespace.distribution


def is_strict() -> bool:
    """Whether ``GANZOO_STRICT`` asks for the traceback of a plugin that cannot be loaded.

    Raises:
        UsageError: it is neither 1 nor 0.
    """
    chosen = os.environ.get(STRICT, "")
    if chosen not in ("", "0", "1"):
        raise UsageError(
            f"{STRICT} is {chosen!r}, but 1 is on and 0 is off", hint=f"export {STRICT}=1"
        )
    return chosen == "1"


def _allowed(found: Collection[Namespace]) -> Collection[str] | None:
    """Return the namespaces that ``GANZOO_PLUGINS`` allows, or None if it is unset: all.

    Raises:
        UsageError: a word that is not a namespace, or is not installed.
    """
    chosen = os.environ.get(PLUGINS)
    if chosen is None:
        return None
    namespaces = {_normal(each.distribution): each.name for each in found}
    known = {LOCAL_NAMESPACE, *(each.name for each in found)}
    allowed = {word.strip() for word in chosen.split(",")} - {""}
    for word in sorted(allowed):
        if not is_name(word):
            raise UsageError(
                f"{PLUGINS}={chosen!r}: {word!r} is not a namespace",
                hint=f"export {PLUGINS}=zoo,acme (namespaces, separated by commas)",
            )
        if word not in known:
            near = namespaces.get(word) or suggest(word, known - allowed)
            better = f" - did you mean {near!r}?" if near else ""
            raise UsageError(
                f"{PLUGINS}={chosen!r}: no plugin {word!r} is installed{better}",
                hint=f"unset {PLUGINS}; ganzoo plugins",
            )
    return allowed


def _unique(found: Iterable[Distribution]) -> Iterator[Distribution]:
    """Skip a distribution that is visible twice, as an editable install and its wheel are.

    The first on the path counts: it is the one that Python imports.
    """
    seen = set()
    for distribution in found:
        if not _mentions_ganzoo(distribution):
            continue
        name = _normal(_field(distribution, "Name"))
        if name not in seen:
            yield distribution
        if name:
            seen.add(name)


def _mentions_ganzoo(distribution: Distribution) -> bool:
    try:
        text = distribution.read_text("entry_points.txt") or ""
    except (OSError, UnicodeDecodeError):
        return False
    return _ANY_VERSION.search(text) is not None


def _normal(name: str) -> str:
    """Return the normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _field(distribution: Distribution, name: str) -> str:
    values = distribution.metadata.get_all(name)
    return values[0] if values else ""


def _declared_by(distribution: Distribution) -> Iterator[Namespace]:
    """Yield what one distribution declares: for this API version, or else for another."""
    name = _field(distribution, "Name")
    version = _field(distribution, "Version")
    try:
        points = [each for each in distribution.entry_points if _ANY_VERSION.fullmatch(each.group)]
    except (TypeError, ValueError) as error:
        unreadable = Namespace(name or UNNAMED, name or UNNAMED, version)
        again = f"pip install --force-reinstall --no-deps {name}"
        unreadable.refuse("broken", f"entry_points.txt: {error}", again)
        yield unreadable
        return
    ours = [each for each in points if each.group == ENTRY_POINT_GROUP]
    for point in ours or points:
        namespace = Namespace(point.name, name or UNNAMED, version, entry_point=point)
        if not name:
            place = distribution.locate_file("")
            namespace.refuse(
                "broken",
                f"its METADATA is missing in {place}, as after an interrupted installation",
                f"pip install --force-reinstall the distribution that has {point.name!r}",
            )
        if len(ours) > 1:
            names = ", ".join(repr(each.name) for each in ours)
            namespace.refuse(
                "broken", f"a distribution has one namespace, this one has {names}", _remove(name)
            )
        yield namespace


def _remove(distribution: str) -> str:
    """Return the hint for a distribution that only its author can repair."""
    return f"pip uninstall {distribution}, and tell its author"


def _check_owner(namespace: Namespace) -> None:
    """Mark what is bundled, and refuse others in a reserved namespace."""
    uninstall = f"pip uninstall {namespace.distribution}"
    owner = BUNDLED_DISTRIBUTIONS.get(namespace.name)
    if owner == _normal(namespace.distribution):
        namespace.origin = "bundled"
    elif owner is not None:
        namespace.refuse(
            "clash", f"only {owner} may have the namespace {namespace.name!r}", uninstall
        )
    elif namespace.name == LOCAL_NAMESPACE:
        namespace.refuse(
            "clash", f"the namespace {LOCAL_NAMESPACE!r} is reserved for --plugin FILE", uninstall
        )


def _check_form(namespace: Namespace) -> None:
    """Refuse an entry point with an invalid name or value."""
    point = namespace.entry_point
    if not is_name(namespace.name):
        namespace.refuse(
            "broken",
            f"{namespace.name!r} is not a namespace: use lower case letters, digits and hyphens",
            _remove(namespace.distribution),
        )
    elif point is not None and not _TARGET.fullmatch(point.value):
        namespace.refuse(
            "broken",
            f"its entry point {point.value!r} is not a module: 'package' or 'package.module'",
            _remove(namespace.distribution),
        )


def _check_version(namespace: Namespace) -> None:
    """Refuse a plugin made for another version of the API."""
    group = namespace.entry_point.group if namespace.entry_point else ENTRY_POINT_GROUP
    if group != ENTRY_POINT_GROUP:
        needed, ours = (int(each.rpartition(".v")[2]) for each in (group, ENTRY_POINT_GROUP))
        outdated = "ganzoo-core" if needed > ours else namespace.distribution
        namespace.refuse(
            "incompatible",
            f"made for {group}; this ganzoo loads {ENTRY_POINT_GROUP}",
            f"pip install --upgrade {outdated}",
        )


def _refuse_clashes(found: Iterable[Namespace]) -> None:
    """Refuse all distributions that share a namespace.

    The order of ``sys.path`` must not decide what a recipe means.
    """
    claims: dict[str, list[Namespace]] = defaultdict(list)
    for namespace in found:
        if namespace.status == "ok":
            claims[namespace.name].append(namespace)
    for name, rivals in claims.items():
        if len(rivals) > 1:
            names = sorted(rivals, key=str)
            both = " and ".join(map(str, names))
            one = ", or ".join(f"pip uninstall {rival.distribution}" for rival in names)
            for rival in rivals:
                rival.refuse("clash", f"{both} both have the namespace {name!r}", one)
