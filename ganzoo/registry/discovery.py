"""Which plugins are installed, read from package metadata alone: nothing is imported here.

What can be refused without importing is refused here: another API version, two distributions that
claim one namespace, a namespace that is switched off.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions

from ganzoo.api import ENTRY_POINT_GROUP, Registration
from ganzoo.registry.names import DEFAULT_NAMESPACE, LOCAL_NAMESPACE, is_name
from ganzoo.registry.switches import PLUGINS, allowed_namespaces

BUNDLED_DISTRIBUTIONS = {DEFAULT_NAMESPACE: "ganzoo-zoo"}
"""Namespaces that only one distribution may have, and which one."""

UNNAMED = "unnamed"
"""How a distribution is called whose metadata have been lost."""

_ANY_VERSION = re.compile(r"ganzoo\.v\d+")
_TARGET = re.compile(r"\w+(\.\w+)*(\s*:\s*\w+(\.\w+)*)?(\s*\[.*\])?")


@dataclass
class Namespace:
    """What one plugin distribution brings, or why it brings nothing.

    `origin` is ``bundled``, ``third-party`` or ``local``; `status` is ``ok``, ``broken``,
    ``disabled``, ``incompatible`` or ``clash``; where it is not ``ok``, `error` says why and
    `hint` what to do. `load_seconds` and `eager_torch` (its import needs torch) are known once it
    is loaded.
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
        """Keep the first reason not to use this namespace, and the way out."""
        if self.status == "ok":
            self.status, self.error, self.hint = status, error, hint

    @property
    def predicate(self) -> str:
        """The status as it is said of a plugin: it *is* broken, but what clashes is *refused*."""
        return "refused" if self.status == "clash" else self.status

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


def discover() -> list[Namespace]:
    """Return every namespace that an installed distribution declares, sorted, refused or not."""
    found = [namespace for dist in _unique(distributions()) for namespace in _declared_by(dist)]
    allowed = allowed_namespaces((each.name, _normal(each.distribution)) for each in found)
    for namespace in found:
        _judge_owner(namespace)
        _judge_form(namespace)
        _judge_version(namespace)
        if allowed is not None:
            _judge_allowed(namespace, allowed)
    _refuse_clashes(found)
    return sorted(found, key=lambda each: (each.origin != "bundled", each.name, each.distribution))


def _unique(found: Iterable[Distribution]) -> Iterator[Distribution]:
    """Leave out a distribution that is visible twice, as an editable install and its wheel are.

    The first on the path is the one that Python would import.
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
    """Return the spelling that all spellings of a distribution's name share (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _field(distribution: Distribution, name: str) -> str:
    values = distribution.metadata.get_all(name)
    return values[0] if values else ""


def _declared_by(distribution: Distribution) -> Iterator[Namespace]:
    """Yield what one distribution declares: for this API version if it can, else for another."""
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
                "broken", f"a distribution has one namespace, this one has {names}", _mend(name)
            )
        yield namespace


def _mend(distribution: str) -> str:
    """Return what to do about a distribution that only its author can mend."""
    return f"pip uninstall {distribution}, and tell its author"


def _judge_owner(namespace: Namespace) -> None:
    """Mark what is bundled, and keep reserved namespaces for those that they are kept for."""
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
            "clash", f"the namespace {LOCAL_NAMESPACE!r} is kept for --plugin FILE", uninstall
        )


def _judge_form(namespace: Namespace) -> None:
    """Refuse an entry point whose name or value cannot be meant."""
    point = namespace.entry_point
    if not is_name(namespace.name):
        namespace.refuse(
            "broken",
            f"{namespace.name!r} is no namespace: lower case letters, digits and hyphens only",
            _mend(namespace.distribution),
        )
    elif point is not None and not _TARGET.fullmatch(point.value):
        namespace.refuse(
            "broken",
            f"its entry point {point.value!r} is no module: 'package' or 'package.module'",
            _mend(namespace.distribution),
        )


def _judge_version(namespace: Namespace) -> None:
    """Refuse a plugin that is made for another version of the API."""
    group = namespace.entry_point.group if namespace.entry_point else ENTRY_POINT_GROUP
    if group != ENTRY_POINT_GROUP:
        is_newer = _number(group) > _number(ENTRY_POINT_GROUP)
        outdated = "ganzoo-core" if is_newer else namespace.distribution
        namespace.refuse(
            "incompatible",
            f"made for {group}; this ganzoo loads {ENTRY_POINT_GROUP}",
            f"pip install --upgrade {outdated}",
        )


def _number(group: str) -> int:
    return int(group.rpartition(".v")[2])


def _judge_allowed(namespace: Namespace, allowed: Collection[str]) -> None:
    if namespace.name not in allowed:
        more = ",".join(sorted({*allowed, namespace.name}))
        namespace.refuse("disabled", f"left out by {PLUGINS}", f"export {PLUGINS}={more}")


def _refuse_clashes(found: Iterable[Namespace]) -> None:
    """Refuse every one of several distributions with one namespace.

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
