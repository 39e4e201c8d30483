"""Check what a plugin registers, at the call, so that an error names the plugin's own line."""

import re
from collections.abc import Iterable
from inspect import signature
from typing import Any, NoReturn

from ganzoo.api import CAPABILITIES, MODALITIES, Register, Registration, RemoteFile
from ganzoo.errors import PluginError
from ganzoo.registry.discovery import Namespace
from ganzoo.registry.names import guess, is_name, qualify

_DOTTED = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_TARGET = re.compile(rf"{_DOTTED}:{_DOTTED}")
_RECIPE_TARGET = re.compile(rf"{_DOTTED}:[\w.-]+(/[\w.-]+)*\.yaml")
_FILE_NAME = re.compile(r"\w[\w.+-]*")
_MODALITY_ID = re.compile(r"[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*")
_SUFFIX = re.compile(r"\.[a-z0-9]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OPTIONS = [*signature(Register.__call__).parameters.values()][3:]
_DEFAULTS: dict[str, Any] = {each.name: each.default for each in _OPTIONS}
"""The keyword-only arguments of `register`."""


class Registrar:
    """The `register` callable of a hook: checks its arguments and adds the plugin's provenance.

    Args:
        staged: collects the registrations, by kind and name.
        module: the module of all targets, in place of the one they name; None keeps theirs.
    """

    def __init__(
        self,
        kind: str,
        namespace: Namespace,
        staged: dict[tuple[str, str], Registration],
        module: str | None = None,
    ) -> None:
        self.kind = kind
        self.namespace = namespace
        self.staged = staged
        self.module = module

    def __call__(self, name: str, target: str, **given: Any) -> None:
        """Stage one component; `given` are the keyword-only arguments of `Register`.

        Raises:
            PluginError: an invalid name, target, word or file, an id registered twice, or an
                unknown argument.
        """
        for argument in (each for each in given if each not in _DEFAULTS):
            near = guess(argument, ("name", "target", *_DEFAULTS))
            self._refuse(name, f"register() has no argument {argument!r}{near}")
        self._check_name(name)
        self._check_target(name, target)
        facts = _DEFAULTS | given
        revision, extractor = facts["revision"], facts["extractor"]
        if isinstance(revision, bool) or not isinstance(revision, int) or revision < 1:
            self._refuse(name, f"revision {revision!r} is not a whole number from 1 up")
        self._check_line(name, "summary", facts["summary"])
        for what in ("paper", "license"):
            self._check_line(name, what, "" if facts[what] is None else facts[what])
        capabilities = self._known(name, "capability", facts["capabilities"], CAPABILITIES)
        facts |= {
            "modalities": frozenset(self._modalities(name, facts["modalities"])),
            "capabilities": frozenset(capabilities),
            "splits": self._words(name, facts["splits"]),
            "extractor": qualify(extractor) if extractor else None,
            "datasets": tuple(map(qualify, self._words(name, facts["datasets"]))),
            "suffixes": self._suffixes(name, facts["suffixes"]),
            "files": self._checked_files(name, facts["files"]),
        }
        self.staged[self.kind, name] = Registration(
            kind=self.kind,
            namespace=self.namespace.name,
            name=name,
            target=f"{self.module}:{target.partition(':')[2]}" if self.module else target,
            distribution=self.namespace.distribution,
            version=self.namespace.version,
            **facts,
        )

    def _refuse(self, name: object, why: str) -> NoReturn:
        raise PluginError(f"{self.kind} {name!r}: {why}")

    def _check_name(self, name: str) -> None:
        if isinstance(name, str) and "/" in name:
            own = self.namespace.name
            self._refuse(name, f"a name has no namespace; everything in this plugin is {own}/NAME")
        if not isinstance(name, str) or not is_name(name):
            self._refuse(name, "a name has lower case letters, digits and hyphens only")
        if self.kind == "modality" and name in MODALITIES:
            self._refuse(name, "ganzoo itself has a modality with this name")
        if (self.kind, name) in self.staged:
            self._refuse(name, f"registered twice by {self.namespace}")

    def _check_target(self, name: str, target: str) -> None:
        if not isinstance(target, str):
            self._refuse(name, "the target is a string, 'package.module:Factory', not an object")
        if self.kind == "recipe":
            if self.module:
                self._refuse(name, "a plugin file has no recipes; give the recipe by its path")
            if not _RECIPE_TARGET.fullmatch(target) or ".." in target:
                self._refuse(name, f"target {target!r} is not 'package:path/inside/it.yaml'")
        elif not _TARGET.fullmatch(target):
            self._refuse(name, f"target {target!r} is not 'package.module:Factory'")

    def _check_line(self, name: str, what: str, text: str) -> None:
        """Refuse what would break a table: no text, or more than one line."""
        if not isinstance(text, str) or not text.isprintable():
            self._refuse(name, f"{what} {text!r} is not one line of text")

    def _words(self, name: str, words: Iterable[str]) -> tuple[str, ...]:
        if isinstance(words, str):
            self._refuse(name, f"needs a set or list of words, not the string {words!r}")
        chosen = tuple(words)
        for word in chosen:
            self._check_line(name, "word", word)
        return chosen

    def _suffixes(self, name: str, suffixes: Iterable[str]) -> tuple[str, ...]:
        chosen = self._words(name, suffixes)
        for suffix in chosen:
            if not _SUFFIX.fullmatch(suffix):
                self._refuse(
                    name, f"suffix {suffix!r} is not in lower case with a dot, like '.csv'"
                )
        return chosen

    def _modalities(self, name: str, words: Iterable[str]) -> tuple[str, ...]:
        """Return the words; a plugin's modality is only looked up when a data set declares it."""
        chosen = self._words(name, words)
        own = [word for word in chosen if not _MODALITY_ID.fullmatch(word)]
        self._known(name, "modality", own, MODALITIES)
        return chosen

    def _known(
        self, name: str, what: str, words: Iterable[str], vocabulary: Iterable[str]
    ) -> tuple[str, ...]:
        """Return the words; the plugin's own words, ``acme/…``, are free."""
        chosen = self._words(name, words)
        for word in chosen:
            if word not in vocabulary and not word.startswith(f"{self.namespace.name}/"):
                self._refuse(name, f"unknown {what} {word!r}{guess(word, vocabulary)}")
        return chosen

    def _checked_files(self, name: str, files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
        chosen = tuple(files)
        for file in chosen:
            if not _FILE_NAME.fullmatch(file.name):
                self._refuse(name, f"file name {file.name!r} is not a plain name")
            if not file.url.startswith(("https://", "http://")):
                self._refuse(name, f"{file.name}: {file.url!r} is not a web address")
            if not _SHA256.fullmatch(file.sha256):
                self._refuse(name, f"{file.name}: {file.sha256!r} is not a sha256 in hex")
        return chosen
