"""Names of components: ``dcgan`` always means ``zoo/dcgan``; another plugin's is ``acme/dcgan``."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from ganzoo.api import HOOKS
from ganzoo.errors import UsageError

DEFAULT_NAMESPACE = "zoo"
LOCAL_NAMESPACE = "local"

MOST_LETTERS = 200
"""Longest word that gets a suggestion: the time to compare grows with the length."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")

PLURALS = {kind: hook.removeprefix("register_") for kind, hook in HOOKS.items()}
"""Kind of component → its plural: generator → generators, loss → losses."""


_OTHER_WORDS = {
    "models": "recipes",
    "gans": "recipes",
    "networks": "generators",
    "architectures": "generators",
    "data": "datasets",
    "penalties": "regularizers",
    "scores": "metrics",
}
"""What people call a kind elsewhere → its plural here."""


def is_name(word: str) -> bool:
    """Whether `word` can name a component or a namespace: lower case letters, digits, ``-``."""
    return _NAME.fullmatch(word) is not None


def qualify(name: str) -> str:
    """Return the full id: a bare name is in the default namespace, whatever is installed."""
    return name if "/" in name else f"{DEFAULT_NAMESPACE}/{name}"


def namespace_of(name: str) -> str:
    """Return the namespace of a bare or full name."""
    return qualify(name).partition("/")[0]


def shorten(identifier: str) -> str:
    """Return the id without the default namespace."""
    return identifier.removeprefix(f"{DEFAULT_NAMESPACE}/")


def suggest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate spelt most like `word`, or None if none is near."""
    if len(word) > MOST_LETTERS:
        return None
    near = get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return near[0] if near else None


def guess(word: str, candidates: Iterable[str]) -> str:
    """Return `` - did you mean 'x'?`` for an error message, or nothing if no candidate is near."""
    near = suggest(word, candidates)
    return f" - did you mean {near!r}?" if near else ""


def no_match(plural: str, pattern: str, names: Iterable[str]) -> str:
    """Return the message for a pattern that no name matches, with the names nearest to it."""
    word = pattern.strip("*?")
    holding = [name for name in names if word and word in name]
    near = ", ".join(holding[:5]) or suggest(word, names)
    return f"no {plural} match {pattern!r}" + (f" - near: {near}" if near else "")


def with_article(kind: str) -> str:
    """Return ``an extractor``, ``a loss``."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def kind_of(word: str) -> str:
    """Return the kind of component that a singular or plural word means.

    Raises:
        UsageError: no such kind.
    """
    singular = {plural: kind for kind, plural in PLURALS.items()}
    if word in HOOKS:
        return word
    if word in singular:
        return singular[word]
    near = _OTHER_WORDS.get(word) or suggest(word, singular)
    raise UsageError(
        f"no kind of component is called {word!r}{f' - did you mean {near!r}?' if near else ''}",
        hint=f"ganzoo list {near}" if near else "ganzoo list   # counts every kind",
    )
