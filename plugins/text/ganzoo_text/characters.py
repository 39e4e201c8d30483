"""A line as characters that readers see as one: an emoji of several code points is not torn."""

from __future__ import annotations

import unicodedata

JOINER = "\u200d"
"""Zero-width joiner: what follows belongs to the same character."""
SKIN_TONES = range(0x1F3FB, 0x1F400)
FLAGS = range(0x1F1E6, 0x1F200)
"""Regional indicators; two are a flag."""
TAGS = range(0xE0020, 0xE0080)
"""Tag characters, of the flags of regions."""


def characters(line: str) -> list[str]:
    """Return the characters of a line; joined, they are the line.

    A simple form of Unicode's extended grapheme clusters (UAX 29): combining marks, variation
    selectors, skin tones, joined emoji and flags belong to the character before them. Syllables of
    Hangul letters are not joined.
    """
    found: list[str] = []
    for letter in line:
        if found and _continues(found[-1], letter):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _continues(before: str, letter: str) -> bool:
    code = ord(letter)
    if code < 0x300:
        return False
    if letter == JOINER or before[-1] == JOINER or code in SKIN_TONES or code in TAGS:
        return True
    if code in FLAGS:
        return len(before) == 1 and ord(before) in FLAGS
    return unicodedata.category(letter) in ("Mn", "Me", "Mc")
