"""Probabilistic context-free grammars without recursion: draw, recognise, measure."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate

import numpy as np

Rule = tuple[float, tuple[str, ...]]
"""Probability, and the symbols that replace another one."""


class Grammar:
    """A grammar whose symbols never lead back to themselves; what has no rules is a word.

    Args:
        rules: symbol → its rules, whose probabilities sum to 1.
        start: the symbol of a sentence.
    """

    def __init__(self, rules: Mapping[str, Sequence[Rule]], start: str = "S") -> None:
        self.rules, self.start = rules, start
        self._edges = {
            symbol: list(accumulate(share for share, _ in each)) for symbol, each in rules.items()
        }

    @cached_property
    def words(self) -> tuple[str, ...]:
        """All words, sorted."""
        every = {each for rules in self.rules.values() for _, right in rules for each in right}
        return tuple(sorted(every - set(self.rules)))

    @cached_property
    def entropy(self) -> float:
        """Entropy of a derivation in nats; that of a sentence if none has two derivations."""
        return self._expected(
            lambda rules: -sum(share * math.log(share) for share, _ in rules), lambda word: 0.0
        )

    @cached_property
    def mean_length(self) -> float:
        """Mean number of words of a sentence."""
        return self._expected(lambda rules: 0.0, lambda word: 1.0)

    def _expected(
        self, own: Callable[[Sequence[Rule]], float], of_word: Callable[[str], float]
    ) -> float:
        """Return the expectation of a sum over the symbols of a derivation."""
        known: dict[str, float] = {}

        def of(symbol: str) -> float:
            if symbol not in self.rules:
                return of_word(symbol)
            if symbol not in known:
                rules = self.rules[symbol]
                below = sum(share * sum(map(of, right)) for share, right in rules)
                known[symbol] = own(rules) + below
            return known[symbol]

        return of(self.start)

    def longest(self, size: Callable[[str], int], gap: int = 0) -> int:
        """Return the size of the longest sentence.

        Args:
            size: of a word.
            gap: size between two words.
        """

        def of(symbol: str) -> int:
            if symbol not in self.rules:
                return size(symbol)
            return max(
                sum(map(of, right)) + gap * (len(right) - 1) for _, right in self.rules[symbol]
            )

        return of(self.start)

    def draw(self, random: np.random.Generator) -> list[str]:
        """Return the words of a random sentence."""
        found, waiting = [], [self.start]
        while waiting:
            symbol = waiting.pop()
            if symbol not in self.rules:
                found.append(symbol)
                continue
            rules = self.rules[symbol]
            chosen = min(bisect(self._edges[symbol], random.random()), len(rules) - 1)
            waiting.extend(reversed(rules[chosen][1]))
        return found

    def probability(self, words: Sequence[str]) -> float:
        """Return the probability of a sentence; 0 if it is none."""
        known: dict[tuple[str, int], dict[int, float]] = {}

        def ends(symbol: str, start: int) -> dict[int, float]:
            """Return the probability of each end of what the symbol becomes from `start` on."""
            if symbol not in self.rules:
                fits = start < len(words) and words[start] == symbol
                return {start + 1: 1.0} if fits else {}
            if (symbol, start) not in known:
                found: dict[int, float] = {}
                for share, right in self.rules[symbol]:
                    reached = {start: share}
                    for part in right:
                        reached = after(part, reached)
                    for end, chance in reached.items():
                        found[end] = found.get(end, 0.0) + chance
                known[symbol, start] = found
            return known[symbol, start]

        def after(part: str, reached: Mapping[int, float]) -> dict[int, float]:
            found: dict[int, float] = {}
            for middle, before in reached.items():
                for end, chance in ends(part, middle).items():
                    found[end] = found.get(end, 0.0) + before * chance
            return found

        return ends(self.start, 0).get(len(words), 0.0)


def _words(text: str) -> list[Rule]:
    """Return one rule a word, the k-th in proportion to 1/k."""
    words = text.split()
    total = sum(1 / rank for rank in range(1, len(words) + 1))
    return [(1 / rank / total, (word,)) for rank, word in enumerate(words, 1)]


def _number(mark: str, nouns: str, articles: str, alone: str, with_object: str) -> dict:
    """Return the rules of a singular or a plural."""
    noun, article, plain = f"N{mark}", f"D{mark}", f"O{mark}"
    return {
        f"NP{mark}": [(0.65, (plain,)), (0.35, (plain, f"R{mark}"))],
        plain: [(0.7, (article, noun)), (0.3, (article, "A", noun))],
        f"R{mark}": [(1.0, ("that", f"VP{mark}"))],
        f"VP{mark}": [(0.4, (f"V{mark}",)), (0.6, (f"T{mark}", "O"))],
        noun: _words(nouns),
        article: _words(articles),
        f"V{mark}": _words(alone),
        f"T{mark}": _words(with_object),
    }


ANIMALS = Grammar(
    {
        "S": [(0.55, ("NP1", "VP1")), (0.45, ("NP2", "VP2"))],
        "O": [(0.6, ("O1",)), (0.4, ("O2",))],
        "A": _words("small big happy red"),
        **_number(
            "1", "dog cat horse bird child farmer", "the a", "sleeps runs sings", "sees likes hears"
        ),
        **_number(
            "2",
            "dogs cats horses birds children farmers",
            "the two some",
            "sleep run sing",
            "see like hear",
        ),
    }
)
"""Sentences about animals: a noun with or without a relative clause, and a verb that agrees."""
