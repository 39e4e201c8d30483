"""The recipe for lines of somebody's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ganzoo.api import DataError, OwnData, OwnRecipe
from ganzoo.nn import FIELD
from ganzoo_text.characters import characters
from ganzoo_text.datasets.sentences import split_of

LONGEST = 64
"""Characters of a line, and words of a longer one, that a small network learns."""
COVERED = 0.95
"""Share of the lines that the length should hold."""
MOST_TOKENS = 2000
HOLDOUTS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Shares of the different lines; the first is chosen that holds two lines out and leaves two."""
BATCH = 64
MLE = (
    "generator=text/lstm discriminator=text/lstm loss=text/mle train.discriminator_steps=0 "
    "optimizers.both.lr=3e-3 'eval.metrics=[text/n-gram-jsd, text/distinct, text/nll]'"
)
"""The baseline, as overrides of the recipe."""


def text_recipe(
    own: OwnData, lines: Sequence[str], empty: int, field: str, samples: str
) -> OwnRecipe:
    """Return the recipe for lines.

    Args:
        lines: those that are not empty.
        empty: number of the empty ones.
        field: of the objects of a jsonl.
        samples: name of the file of new lines.

    Raises:
        DataError: there are too few different lines.
    """
    sizes = np.array([len(characters(line)) for line in lines])
    unit = "characters"
    if np.quantile(sizes, COVERED) > LONGEST:
        unit, sizes = "words", np.array([len(line.split()) for line in lines])
    length = min(max(int(np.quantile(sizes, COVERED, method="higher")), 4), LONGEST)
    longer = int((sizes > length).sum())
    too_long = "leave-out" if longer <= (1 - COVERED) * len(lines) else "cut"
    tokens_of = str.split if unit == "words" else characters
    different: set[str] = set()
    kept: list[str] = []
    for line, size in zip(lines, sizes, strict=True):
        tokens = tokens_of(line)
        different.update(tokens)
        if size <= length or too_long == "cut":
            kept.append(" ".join(tokens[:length]))
    shares = (
        share
        for share in HOLDOUTS
        if min(len(split_of(kept, split, share)) for split in ("train", "test")) > 1
    )
    if (holdout := next(shares, None)) is None:
        count = len(set(kept))
        raise DataError(
            f"{own.data} has {count} different line{'s' * (count > 1)}: too few to train on some, "
            "and to score with others",
            hint="add lines",
        )
    data = [
        *_dataset(own, unit, length, longer, too_long),
        *_vocabulary(unit, len(different)),
        f"  holdout: {holdout}  # share of the lines that are never trained on, for scores",
        *_field(own, field),
    ]
    parts = [data, _networks(), _training()]
    about = [f"{len(lines):,} lines, {len(set(lines)):,} different ones."]
    if empty:
        about.append(f"Empty lines, which are left out: {empty:,}.")
    return OwnRecipe(about, "\n\n".join("\n".join(part) for part in parts), samples)


def _dataset(own: OwnData, unit: str, length: int, longer: int, too_long: str) -> Iterator[str]:
    yield "dataset:"
    yield "  use: text/lines"
    yield f"  path: {own.yaml(own.path)}  # seen from this file"
    yield f"  unit: {unit}  # or {'words' if unit == 'characters' else 'characters'}"
    yield f"  length: {length}  # of a line, in {unit}; longer lines: {longer:,}"
    other = "cut" if too_long == "leave-out" else "leave-out"
    yield f"  too_long: {too_long}  # what becomes of those; or {other}"


def _vocabulary(unit: str, different: int) -> Iterator[str]:
    if different > MOST_TOKENS:
        yield f"  vocabulary: {MOST_TOKENS}  # most frequent of {different:,} {unit}"


def _field(own: OwnData, field: str) -> Iterator[str]:
    if field != FIELD:
        yield f"  field: {own.yaml(field)}  # of the objects of a jsonl"


def _networks() -> Iterator[str]:
    yield "# The network of WGAN-GP (arXiv:1704.00028), narrower. G writes all of a line at once."
    yield "# Compare it with maximum likelihood, which is often better (docs/text.md):"
    yield f"#   ganzoo run RECIPE {MLE}"
    yield "generator: {use: text/residual, width: 64, blocks: 3}"
    yield "discriminator: {use: text/residual, width: 64, blocks: 3}"
    yield "loss: wgan-gp"
    yield "optimizers:"
    yield "  both: {use: adam, lr: 5e-4, betas: [0.5, 0.9]}"


def _training() -> Iterator[str]:
    yield "train:"
    yield "  steps: 3000"
    yield f"  batch_size: {BATCH}"
    yield "  discriminator_steps: 3"
    yield "  ema: {half_life_samples: 20000, ramp_up: 0.05}"
    yield "eval:"
    yield "  metrics:"
    yield "    - text/n-gram-jsd  # are runs of 1 to 4 tokens as frequent as in the data?"
    yield "    - text/distinct    # do lines repeat, or copy the data?"
    yield "    - text/self-bleu   # how alike are the lines?"
