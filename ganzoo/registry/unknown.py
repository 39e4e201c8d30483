"""Why a name finds nothing: misspelt, not installed, broken or refused, and the way out."""

from collections.abc import Sequence

from ganzoo.errors import PluginError
from ganzoo.registry.discovery import Namespace
from ganzoo.registry.names import DEFAULT_NAMESPACE, PLURALS, is_name, qualify, shorten, suggest

ANY_KIND = "component"
"""What `not_found` is given as a kind where any would do."""

INSTALL_ZOO = 'pip install "ganzoo[zoo]"'

_WORDS = {"clash": "refused"}
_HINTS = {
    "broken": "GANZOO_STRICT=1 ganzoo plugins --traceback",
    "disabled": "`ganzoo plugins` says what switched it off",
    "incompatible": "install a version of the plugin that is made for this ganzoo",
    "clash": "ganzoo plugins",
}


def not_found(kind: str, name: str, found: Sequence[Namespace]) -> PluginError:
    """Return the error for a name that no namespace of its own has; `found` are all there are."""
    wanted, _, bare = qualify(name).partition("/")
    if not (is_name(wanted) and is_name(bare)):
        return PluginError(
            f"no {kind} {name!r}: an id is NAME or namespace/NAME,"
            " in lower case letters, digits and hyphens",
            hint=_listing(kind),
        )
    claims = [namespace for namespace in found if namespace.name == wanted]
    if not claims:
        return _not_installed(kind, name, wanted, found)
    if any(namespace.status == "ok" for namespace in claims):
        return _misspelt(kind, name, found)
    refused = claims[0]
    return PluginError(
        f"no {kind} {name!r}: plugin {wanted!r} ({refused}) is"
        f" {_WORDS.get(refused.status, refused.status)}: {refused.error}",
        hint=_HINTS[refused.status],
    )


def _not_installed(kind: str, name: str, wanted: str, found: Sequence[Namespace]) -> PluginError:
    if wanted == DEFAULT_NAMESPACE:
        return PluginError(
            f"no {kind} {name!r}: the zoo's own plugin is not installed", hint=INSTALL_ZOO
        )
    near = suggest(wanted, {namespace.name for namespace in found})
    guess = f" - did you mean {near!r}?" if near else ""
    return PluginError(
        f"no {kind} {name!r}: no plugin with the namespace {wanted!r} is installed{guess}",
        hint="install the distribution that has it; `ganzoo plugins` lists what is installed",
    )


def _misspelt(kind: str, name: str, found: Sequence[Namespace]) -> PluginError:
    """Look for the name in other namespaces, then among other kinds, then for a near one.

    Only what is loaded already is looked at: a typo must not run other people's code.
    """
    wanted, _, bare = qualify(name).partition("/")
    loaded = [registration for namespace in found for registration in namespace.registrations]
    of_kind = [each for each in loaded if kind in (each.kind, ANY_KIND)]
    elsewhere = [each.id for each in of_kind if each.name == bare]
    near = suggest(bare, [each.name for each in of_kind if each.namespace == wanted])
    other_kind = [each.kind for each in loaded if each.id == f"{wanted}/{bare}"]
    if elsewhere:
        guess = f" - did you mean {shorten(elsewhere[0])!r}?"
    elif other_kind:
        guess = f": {name!r} is a {other_kind[0]}"
    elif near:
        guess = f" - did you mean {shorten(f'{wanted}/{near}')!r}?"
    else:
        guess = ""
    return PluginError(f"no {kind} {name!r}{guess}", hint=_listing(kind))


def _listing(kind: str) -> str:
    return f"ganzoo list {PLURALS[kind]}" if kind in PLURALS else "ganzoo list"
