"""Explain why a name finds nothing: misspelt, not installed, broken or refused."""

from collections.abc import Iterable, Iterator, Sequence

from ganzoo.errors import PluginError
from ganzoo.registry.discovery import Namespace
from ganzoo.registry.names import (
    DEFAULT_NAMESPACE,
    LOCAL_NAMESPACE,
    PLURALS,
    guess,
    is_name,
    qualify,
    shorten,
    suggest,
    with_article,
)
from ganzoo.registry.static import registered_names

ANY_KIND = "component"
"""The `kind` of `not_found` when components of any kind would do."""

INSTALL_ZOO = 'pip install "ganzoo-core[zoo]"'


def not_found(
    kind: str,
    name: str,
    found: Sequence[Namespace],
    *,
    requirement: str | None = None,
    others: Iterable[str] = (),
) -> PluginError:
    """Return the error for a name that is not registered.

    Args:
        found: every installed namespace.
        requirement: what to give to pip if the plugin is missing, if known.
        others: bare names of other things that may have been meant.
    """
    wanted, _, bare = qualify(name).partition("/")
    if not (is_name(wanted) and is_name(bare)):
        return PluginError(
            f"no {kind} {name!r}: an id is NAME or namespace/NAME,"
            " in lower case letters, digits and hyphens",
            hint=_listing(kind),
        )
    claims = [namespace for namespace in found if namespace.name == wanted]
    if not claims:
        return _not_installed(kind, name, found, requirement)
    if any(namespace.status == "ok" for namespace in claims):
        return _misspelt(kind, name, found, others)
    refused = claims[0]
    return PluginError(
        f"no {kind} {name!r}: plugin {wanted!r} ({refused}) is {refused.predicate}:"
        f" {refused.error}",
        hint=refused.hint,
    )


def _not_installed(
    kind: str, name: str, found: Sequence[Namespace], requirement: str | None
) -> PluginError:
    wanted = qualify(name).partition("/")[0]
    if wanted == DEFAULT_NAMESPACE:
        return PluginError(
            f"no {kind} {name!r}: the zoo's own plugin is not installed", hint=INSTALL_ZOO
        )
    if wanted == LOCAL_NAMESPACE:
        return PluginError(
            f"no {kind} {name!r}: {LOCAL_NAMESPACE}/… is in a file given with --plugin",
            hint="the same command with --plugin FILE.py",
        )
    near = guess(wanted, {namespace.name for namespace in found})
    install = f"pip install {requirement}" if requirement else None
    return PluginError(
        f"no {kind} {name!r}: no plugin with the namespace {wanted!r} is installed{near}",
        hint=install or f"ganzoo plugins; then pip install the distribution that has {wanted!r}",
    )


def _misspelt(
    kind: str, name: str, found: Sequence[Namespace], others: Iterable[str]
) -> PluginError:
    """Suggest the same name elsewhere, then another kind, then a similar name.

    Loads no further plugin: a typo must not run other people's code.
    """
    wanted, _, bare = qualify(name).partition("/")
    if kind == "recipe" and wanted == DEFAULT_NAMESPACE:
        return PluginError(
            f"no recipe {name!r}: recipes that come with ganzoo are named without a namespace",
            hint=_listing(kind),
        )
    offered = list(_offered(found))
    fitting = [(space, name) for each, space, name in offered if kind in (each, ANY_KIND)]
    same = [space for space, name in fitting if name == bare]
    other_kinds = [each for each, *id in offered if id == [wanted, bare]]
    near = suggest(bare, [*(name for space, name in fitting if space == wanted), *others])
    near_elsewhere = suggest(bare, [name for _, name in fitting])
    meant = None
    if same:
        meant = shorten(f"{same[0]}/{bare}")
    elif other_kinds:
        return PluginError(
            f"no {kind} {name!r}: {name!r} is {with_article(other_kinds[0])}", hint=_listing(kind)
        )
    elif near:
        meant = shorten(f"{wanted}/{near}")
    elif near_elsewhere:
        meant = next(
            shorten(f"{space}/{name}") for space, name in fitting if name == near_elsewhere
        )
    whose = ": a bare name is the zoo's own" if "/" not in name and "/" in (meant or "") else ""
    words = f" - did you mean {meant!r}?" if meant else ""
    hint = f"ganzoo info {meant}" if meant and kind == ANY_KIND else _listing(kind)
    return PluginError(f"no {kind} {name!r}{whose}{words}", hint=hint)


def _offered(found: Iterable[Namespace]) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, namespace, name) of what usable plugins register, as far as is known."""
    for namespace in found:
        for each in namespace.registrations:
            yield each.kind, each.namespace, each.name
        if namespace.status == "ok" and not namespace.loaded:
            for kind, name in registered_names(namespace):
                yield kind, namespace.name, name


def _listing(kind: str) -> str:
    return f"ganzoo list {PLURALS[kind]}" if kind in PLURALS else "ganzoo list"
