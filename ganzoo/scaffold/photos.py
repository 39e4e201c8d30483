"""From what a folder of pictures is like to a recipe for it, with the reason for each choice."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ganzoo.recipes.load import FORMAT
from ganzoo.recipes.yaml import yaml_line

FEW = 10_000
"""Below so many pictures D learns them by heart, unless what it sees is augmented."""
ENOUGH_OF_A_CLASS = 100
LARGEST_FOR_DCGAN = 64
STEPS = 20_000


@dataclass(frozen=True)
class Facts:
    """What a folder of pictures is like. Sizes are (width, height) in pixels, upright."""

    path: str
    """As the recipe is to write it: absolute, or relative to the recipe."""
    count: int
    """Pictures that can be read."""
    sizes: tuple[tuple[int, int], ...]
    modes: tuple[str, ...]
    """Pillow's words for the kinds of pixels: RGB, L, CMYK, P, …"""
    classes: dict[str, int] = field(default_factory=dict)
    """Sub-folders that hold all pictures → how many; empty where they do not."""
    broken: tuple[str, ...] = ()
    """Pictures that cannot be read, each with the reason."""

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


def photo_text(file: str, facts: Facts, size: int, *, kid: bool) -> str:
    """Return the recipe for a folder at `size` x `size`; `kid`: whether that metric is there."""
    parts = [
        _head(file, facts),
        _dataset(facts, size),
        _labels(facts),
        _networks(facts, size),
        _augmentation(facts),
        _training(facts, size),
        _scores(facts, kid),
    ]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def _head(file: str, facts: Facts) -> Iterator[str]:
    widths, heights = zip(*facts.sizes, strict=True)
    span = f"{min(widths)}x{min(heights)}"
    if (max(widths), max(heights)) != (min(widths), min(heights)):
        span += f" to {max(widths)}x{max(heights)}"
    pictures = "picture" if facts.count == 1 else "pictures"
    yield f"# {facts.count:,} {pictures} of {span} pixels, {', '.join(facts.modes)}."
    yield f"#   ganzoo check {file} --data    every mistake, and every picture that cannot be read"
    yield f"#   ganzoo run {file}             train; `ganzoo resume last` goes on after Ctrl-C"
    yield f"recipe: {FORMAT}"
    yield f"name: {yaml_line(file.removesuffix('.yaml'))}"


def _dataset(facts: Facts, size: int) -> Iterator[str]:
    yield "dataset:"
    yield "  use: folder"
    yield f"  path: {yaml_line(facts.path)}  # seen from this file"
    yield f"  size: {size}{_about_size(facts, size)}"
    odd = facts.odd()
    if odd:
        yield f"  # {odd:,} of them are far from square: `center` cuts the longer side, `pad` puts"
        yield "  # white beside the shorter one, `none` stretches."
    yield "  crop: center"
    yield f"  channels: {1 if facts.grey else 3}  # {'grey' if facts.grey else 'colour'}"
    yield "  # Left and right may be swapped, which doubles the data. Not for text or anything else"
    yield "  # that has a right way round."
    yield "  mirror: true"
    if facts.broken:
        yield f"  # {len(facts.broken)} cannot be read and would stop the run:"
        yield from (f"  #   {each}" for each in facts.broken)
        yield "  on_bad_image: skip"


def _about_size(facts: Facts, size: int) -> str:
    if facts.smaller < size:
        small = sum(min(each) < size for each in facts.sizes)
        return f"  # {small:,} are smaller (from {facts.smaller} pixels) and get blurred"
    return "  # pixels a side; twice the side takes about four times as long"


def _labels(facts: Facts) -> Iterator[str]:
    if not facts.classes:
        return
    fewest = min(facts.classes, key=lambda name: facts.classes[name])
    smallest = yaml_line(fewest)
    yield f"# The {len(facts.classes)} sub-folders are classes. The smallest is {smallest},"
    if facts.classes[fewest] >= ENOUGH_OF_A_CLASS:
        yield f"# with {facts.classes[fewest]:,} pictures. G is asked for a class, D is told it."
        yield "conditional: true"
    else:
        yield f"# with {facts.classes[fewest]:,}: too few to learn a class from. To try it anyway:"
        yield "# conditional: true"


def _networks(facts: Facts, size: int) -> Iterator[str]:
    if size <= LARGEST_FOR_DCGAN:
        yield "# DCGAN (arXiv:1511.06434) was made for 64 pixels; it is the simplest to begin with."
        yield "# Twice the `width` takes about four times as long; try it with many pictures."
        yield "generator: {use: dcgan, width: 64, latent_dim: 100}"
        yield "discriminator: {use: dcgan, width: 64, spectral_norm: true}"
    else:
        yield "# Above 64 pixels, for which DCGAN was made: SNGAN's residual networks"
        yield "# (arXiv:1802.05957). `max_width` keeps them from growing with the size."
        yield "generator: {use: resnet, width: 32, max_width: 512, latent_dim: 128}"
        yield "discriminator: {use: resnet, width: 32, max_width: 512, spectral_norm: true}"
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


def _training(facts: Facts, size: int) -> Iterator[str]:
    batch = _batch(facts, size)
    betas = "[0.5, 0.999]" if size <= LARGEST_FOR_DCGAN else "[0.0, 0.9]"
    yield "# The settings that the networks' papers train with."
    yield "optimizers:"
    yield f"  both: {{use: adam, lr: 2e-4, betas: {betas}}}"
    yield "train:"
    yield f"  steps: {STEPS}  # samples are drawn every tenth of them; try train.steps=200 first"
    if batch * 2 > facts.count:
        yield f"  batch_size: {batch}  # no more than there are pictures"
    else:
        yield f"  batch_size: {batch}  # of one update; smaller takes less memory"
    yield "  # Samples and scores come from G's moving average, which is steadier than G."
    yield "  ema: {half_life_samples: 10000, ramp_up: 0.05}"


def _batch(facts: Facts, size: int) -> int:
    """Return a power of two that fits common hardware, and is no more than there are pictures."""
    largest = 64 if size <= 64 else 32 if size <= 128 else 16
    while largest > max(1, facts.count):
        largest //= 2
    return largest


def _scores(facts: Facts, kid: bool) -> Iterator[str]:
    samples = min(5000, max(2, facts.count))
    yield "# The Fréchet distance (FID, with Inception's features) is computed wherever there is an"
    yield "# extractor. With few pictures it is biased, by more the fewer they are; KID is not."
    yield "eval:"
    why = "as many as there are pictures, at most 5,000"
    yield f"  samples: {samples}  # {why if facts.count > 1 else 'no fewer can be scored'}"
    yield "  metrics: [kid]" if kid else "  # metrics: [kid]    of no plugin that is installed"
