"""The names of a new plugin."""

import re
from dataclasses import dataclass

from ganzoo.errors import UsageError
from ganzoo.registry.discovery import BUNDLED_DISTRIBUTIONS
from ganzoo.registry.names import LOCAL_NAMESPACE

MOST_LETTERS = 40
CORE = "core"
"""A plugin of this namespace would be called `ganzoo-core`, as the core's distribution is."""

_NAMESPACE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """A plugin's namespace, and the names that follow from it."""

    namespace: str

    @property
    def distribution(self) -> str:
        """The name for ``pip install``: ``ganzoo-my-lab``."""
        return f"ganzoo-{self.namespace}"

    @property
    def package(self) -> str:
        """The name for ``import``: ``ganzoo_my_lab``."""
        return f"ganzoo_{self.namespace.replace('-', '_')}"


def names_of(namespace: str) -> Names:
    """Return the names of a plugin with this namespace.

    Raises:
        UsageError: the namespace is reserved, invalid, or too long.
    """
    if namespace in BUNDLED_DISTRIBUTIONS:
        owner = BUNDLED_DISTRIBUTIONS[namespace]
        raise _refused(namespace, f"the namespace {namespace!r} belongs to {owner}")
    if namespace == LOCAL_NAMESPACE:
        raise _refused(namespace, f"the namespace {namespace!r} is reserved for --plugin FILE")
    if namespace == CORE:
        raise _refused(namespace, "the distribution ganzoo-core is ganzoo itself")
    if not _NAMESPACE.fullmatch(namespace):
        raise _refused(
            namespace,
            f"{namespace[:MOST_LETTERS]!r} is no namespace: use words of lower case letters and"
            " digits, joined by single hyphens, starting with a letter",
        )
    if len(namespace) > MOST_LETTERS:
        raise _refused(
            namespace, f"a namespace has at most {MOST_LETTERS} letters, not {len(namespace)}"
        )
    return Names(namespace)


def _refused(namespace: str, why: str) -> UsageError:
    near = "-".join(re.findall(r"[a-z0-9]+", namespace.lower())).lstrip("0123456789-")
    if near in (*BUNDLED_DISTRIBUTIONS, LOCAL_NAMESPACE, CORE, ""):
        near = f"my-{near or 'lab'}"
    return UsageError(why, hint=f"ganzoo new plugin {near[:MOST_LETTERS].rstrip('-')} --kind …")
