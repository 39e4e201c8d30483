"""The recipe for somebody's own pictures: which method suits them, with which settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from ganzoo.api import DataError, OwnData, OwnRecipe

FEW = 10_000
"""With fewer pictures D memorises them, unless what it sees is augmented."""
ENOUGH_OF_A_CLASS = 100
SMALLEST_FOR_OTHERS = 64
SIZE = 64
"""Pixels a side, if none are asked for."""
STEPS = 20_000
LARGEST_BATCH = 64
FEWEST_FOR_KID = 3


@dataclass(frozen=True)
class Facts:
    """What a folder of pictures is like. Sizes are (width, height) in pixels, upright."""

    count: int
    """Pictures that can be read."""
    sizes: tuple[tuple[int, int], ...]
    modes: tuple[str, ...]
    """Pillow's words for the kinds of pixels: RGB, L, CMYK, P, …"""
    classes: dict[str, int] = field(default_factory=dict)
    """Sub-folders that hold all pictures → how many; empty where they do not."""
    broken: tuple[str, ...] = ()
    """Pictures that cannot be read, each with the reason."""
    left_out: tuple[str, ...] = ()
    """Lines about files that are no pictures."""

    @property
    def grey(self) -> bool:
        """Whether no picture has colours."""
        return set(self.modes) <= {"1", "L", "LA", "I;16", "I;16B", "I"}

    @property
    def smaller(self) -> int:
        """The shorter side of the smallest picture."""
        return min(min(size) for size in self.sizes)

    def odd(self) -> int:
        """Return how many pictures are more than a third longer than wide, or wider than long."""
        return sum(3 * max(size) > 4 * min(size) for size in self.sizes)


DCGAN = "photos-dcgan"
FASTGAN = (
    "photos-fastgan",
    "under 2,000 pictures: FastGAN (arXiv:2101.04775) was made for few pictures",
)
STYLEGAN = (
    "photos-stylegan2-ada",
    "under 30,000 pictures: StyleGAN2 with ADA (arXiv:2006.06676) augments as much as D overfits, "
    "for some thousand pictures",
)
R3GAN = (
    "photos-r3gan",
    "30,000 pictures or more: R3GAN (arXiv:2501.05441) has the simplest of the recent objectives, "
    "for many pictures",
)
"""Recipe and the reason for it."""
FEW_FOR_STYLEGAN = 2_000
MANY_FOR_R3GAN = 30_000


def facts_of(own: OwnData, folder: Callable[..., Any]) -> Facts:
    """Decode every picture once, as training does, and return facts about them.

    Args:
        folder: the class of the data set.

    Raises:
        DataError: they are missing, none, or more than 1 % of them cannot be read.
    """
    try:
        dataset = folder("train", path=own.data, size=own.size or SIZE, on_bad_image="skip")
        left_out = tuple(dataset.skipped)
        dataset.check()
    except DataError as error:
        hint = error.hint or "repair or remove these, then the same command"
        hint = hint.replace("dataset.path=FOLDER", "--data FOLDER")
        raise DataError(error.message, hint=hint) from error
    seen = list(dataset.headers())
    counts = Counter(dataset.labels or ())
    return Facts(
        count=len(dataset),
        sizes=tuple(each for each, _ in seen),
        modes=tuple(mode for mode, _ in Counter(mode for _, mode in seen).most_common()),
        classes={name: counts[number] for number, name in enumerate(dataset.spec.class_names)},
        broken=tuple(dataset.skipped[len(left_out) :]),
        left_out=(*left_out, *dataset.later_frames()),
    )


def choose(count: int, size: int) -> tuple[str, str]:
    """Return the recipe that suits the number and the size of the pictures, and the reason."""
    if size < SMALLEST_FOR_OTHERS:
        why = f"below {SMALLEST_FOR_OTHERS} pixels DCGAN (arXiv:1511.06434) is the quickest to try"
        return DCGAN, why
    if count < FEW_FOR_STYLEGAN:
        return FASTGAN
    return STYLEGAN if count < MANY_FOR_R3GAN else R3GAN


def picture_recipe(own: OwnData, facts: Facts) -> OwnRecipe:
    """Return the recipe for pictures at `own.size` pixels a side, or 64."""
    size = own.size or SIZE
    name, why = choose(facts.count, size)
    reason = [f"# {line}" for line in wrap(f"{why[0].upper()}{why[1:]}.", 92)]
    if name == DCGAN:
        networks = (_networks(), _augmentation(facts), _training(facts))
        parts = [_dataset(facts, own.path, size, own.yaml), reason, _labels(facts, own.yaml)]
        parts += networks
    else:
        parts = [[*reason, f"extends: {name}"], _dataset(facts, own.path, size, own.yaml)]
        parts += [_classes_as_comment(facts, name), _smaller_batch(facts)]
    texts = ["\n".join(part) for part in map(list, (*parts, _scores(facts))) if part]
    widths, heights = zip(*facts.sizes, strict=True)
    span = f"{_span(widths)} pixels wide and {_span(heights)} high"
    pictures = "picture" if facts.count == 1 else "pictures"
    about = [f"{facts.count:,} {pictures}, {span}, {', '.join(facts.modes)}."]
    return OwnRecipe(about, "\n\n".join(texts), "new.png", f"{name}: {why}")


def _classes_as_comment(facts: Facts, recipe: str) -> Iterator[str]:
    if not facts.classes:
        return
    if recipe == FASTGAN[0]:
        count = len(facts.classes)
        yield f"# The {count} sub-folders are classes, but FastGAN's networks take no labels."
        yield f"# To use them: extends: {STYLEGAN[0]}, and conditional: true."
    else:
        yield f"# The {len(facts.classes)} sub-folders are classes. To use them:"
        yield "# conditional: true"


def _smaller_batch(facts: Facts) -> Iterator[str]:
    if facts.count < LARGEST_BATCH:
        batch = 1 << (max(1, min(facts.count, 8)).bit_length() - 1)
        yield f"train: {{batch_size: {batch}}}  # no more than there are pictures"


def _span(sizes: Iterable[int]) -> str:
    smallest, largest = min(sizes), max(sizes)
    return str(smallest) if smallest == largest else f"{smallest} to {largest}"


def _dataset(facts: Facts, path: str, size: int, yaml: Callable[[Any], str]) -> Iterator[str]:
    yield from (f"# Left out: {_in_one_line(each, yaml)}" for each in facts.left_out)
    yield "dataset:"
    yield "  use: folder"
    yield f"  path: {yaml(path)}  # seen from this file"
    yield f"  size: {size}{_about_size(facts, size)}"
    odd = facts.odd()
    if odd:
        yield f"  # {odd:,} of them are far from square: `center` cuts the longer side, `pad` puts"
        yield "  # white along the shorter one, `none` stretches."
    yield "  crop: center"
    yield f"  channels: {1 if facts.grey else 3}  # {'grey' if facts.grey else 'colour'}"
    yield "  # Left and right may be swapped, which doubles the data. Not for text or anything else"
    yield "  # that has a right way round."
    yield "  mirror: true"
    if facts.broken:
        yield f"  # {len(facts.broken)} cannot be read and would stop the run:"
        yield from (f"  #   {_in_one_line(each, yaml)}" for each in facts.broken)
        yield "  on_bad_image: skip"


def _in_one_line(words: str, yaml: Callable[[Any], str]) -> str:
    """Return text for a comment, quoted if a name in it has line ends, which would end it."""
    return words if words.isprintable() else yaml(words)


def _about_size(facts: Facts, size: int) -> str:
    if facts.smaller < size:
        small = sum(min(each) < size for each in facts.sizes)
        few = "1 is smaller" if small == 1 else f"{small:,} are smaller"
        return f"  # {few} (from {facts.smaller} pixels): blurred by being enlarged"
    return "  # pixels a side; twice the side takes about four times as long"


def _labels(facts: Facts, yaml: Callable[[Any], str]) -> Iterator[str]:
    if not facts.classes:
        return
    fewest = min(facts.classes, key=lambda name: facts.classes[name])
    smallest = yaml(fewest)
    yield f"# The {len(facts.classes)} sub-folders are classes. The smallest is {smallest},"
    if facts.classes[fewest] >= ENOUGH_OF_A_CLASS:
        yield f"# with {facts.classes[fewest]:,} pictures. G and D are given the class."
        yield "conditional: true"
    else:
        yield f"# with {facts.classes[fewest]:,}: too few to learn a class from. To try it anyway:"
        yield "# conditional: true"


def _networks() -> Iterator[str]:
    yield "# Twice the `width` takes about four times as long; try it with many pictures."
    yield "generator: {use: dcgan, width: 64, latent_dim: 100}"
    yield "discriminator: {use: dcgan, width: 64, spectral_norm: true}"
    yield "# The hinge loss with spectral norm, as SNGAN has it: no penalty that has to be tuned."
    yield "loss: hinge"


def _augmentation(facts: Facts) -> Iterator[str]:
    if facts.count < FEW:
        yield f"# Under {FEW:,} pictures D learns them by heart. DiffAugment (arXiv:2006.10738)"
        yield "# changes colours, place and parts of all that D sees, real or not; samples stay as"
        yield "# they are."
        yield "augmentation: diffaugment"
    else:
        yield f"# With {FEW:,} pictures or more D sees enough without DiffAugment, which would slow"
        yield "# it down. If scores get worse while G's loss rises: augmentation: diffaugment"


def _training(facts: Facts) -> Iterator[str]:
    batch = _batch(facts)
    yield "# The settings that the networks' papers train with."
    yield "optimizers:"
    yield "  both: {use: adam, lr: 2e-4, betas: [0.5, 0.999]}"
    yield "train:"
    yield f"  steps: {STEPS}  # a preview every {STEPS // 10:,}; try train.steps=200 first"
    if batch * 2 > facts.count:
        yield f"  batch_size: {batch}  # no more than there are pictures"
    else:
        yield f"  batch_size: {batch}  # of one update; smaller takes less memory"
    yield "  # Samples and scores come from G's moving average, which is steadier than G."
    yield "  ema: {half_life_samples: 10000, ramp_up: 0.05}"


def _batch(facts: Facts) -> int:
    """Return a power of two that fits common hardware, and is no more than there are pictures."""
    return 1 << (min(facts.count, LARGEST_BATCH).bit_length() - 1)


def _scores(facts: Facts) -> Iterator[str]:
    samples = min(5000, max(FEWEST_FOR_KID, facts.count))
    yield "# The score is the Fréchet distance. With few pictures it is biased, by more the"
    yield "# fewer they are; KID is not. FID needs Inception's weights, 95 MB: `ganzoo fetch"
    yield "# inception`. Without them a run has no score, unless you name an extractor that"
    yield "# needs no download; its scores rank your own runs."
    yield "eval:"
    yield "  # extractor: toy-cnn"
    why = "as many as there are pictures, at most 5,000"
    yield f"  samples: {samples}  # {why if facts.count >= FEWEST_FOR_KID else 'KID needs as many'}"
    yield "  metrics: [kid]"
