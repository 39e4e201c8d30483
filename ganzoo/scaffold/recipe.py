"""The file of a new recipe: one that extends another, or one for a folder of pictures."""

import os
import shlex
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap

from ganzoo.errors import UsageError
from ganzoo.recipes.load import FORMAT, NEVER_INHERITED, Recipe, inside_project, is_path
from ganzoo.recipes.yaml import yaml_line
from ganzoo.runs.files import write_new as write_new_file
from ganzoo.runs.files import writing
from ganzoo.runs.references import check_name

_MAIN = ("dataset", "generator", "discriminator", "loss", "regularizers", "augmentation",
         "optimizers", "schedules", "train", "eval")  # fmt: skip
"""What a child recipe changes most often, listed first."""
_OF_THE_FILE = ("recipe", "extends", "requires", *NEVER_INHERITED)


def new_file(name: str) -> Path:
    """Return the file of a new recipe, in the working directory.

    Raises:
        UsageError: the name is not valid for runs, or the file exists.
    """
    stem = name.removesuffix(".yaml")
    try:
        check_name(stem)
    except UsageError as error:
        raise UsageError(error.message, hint="ganzoo new recipe NAME --from ID") from error
    file = Path(f"{stem}.yaml")
    if file.exists():
        what = f"{file} exists already and is left unchanged"
        raise UsageError(
            what, hint=f"ganzoo check {shlex.quote(str(file))}   # or choose another name"
        )
    return file


def write_new(file: Path, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        UsageError, DiskError: it exists by now, or cannot be written.
    """
    with writing(file, "run this in a directory that you can write to"):
        write_new_file(file, text.encode())


def child_text(file: Path, parent: Recipe) -> str:
    """Return a recipe that extends `parent`, with the parent's settings as comments."""
    reference = parent.reference
    if is_path(reference):
        reference = _from_here(reference)
    lines = [
        f"# The same as {parent.name}. To change a setting, remove the '# ' before its line.",
        f"#   ganzoo show {file}     prints every setting, and where it comes from",
        f"#   ganzoo check {file}    finds every mistake without training",
        f"recipe: {FORMAT}",
        f"name: {yaml_line(file.stem)}",
        f"extends: {yaml_line(reference)}",
        "",
        "# description: one sentence for `ganzoo recipes`",
        "# seed: 0",
        *_comments(parent),
    ]
    return "\n".join(lines) + "\n"


def _from_here(reference: str) -> str:
    """Return a recipe's path relative to the working directory.

    Raises:
        UsageError: it is in another project.
    """
    try:
        path = inside_project(reference, Path.cwd())
    except ValueError as error:
        raise UsageError(str(error), hint="ganzoo recipes") from error
    return os.path.relpath(path, Path.cwd())


def _comments(parent: Recipe) -> Iterator[str]:
    """Yield the parent's settings, most often changed first; nested mappings take several lines."""
    data = {key: value for key, value in parent.data.items() if key not in _OF_THE_FILE}
    order = [*(key for key in _MAIN if key in data), *(key for key in data if key not in _MAIN)]
    for key in order:
        value = data[key]
        if isinstance(value, dict) and any(isinstance(each, dict) for each in value.values()):
            yield f"# {key}:"
            yield from (f"#   {yaml_line(name)}: {yaml_line(each)}" for name, each in value.items())
        elif key != "seed":
            yield f"# {key}: {yaml_line(value)}"


# --- for a folder of pictures ---

FEW = 10_000
"""With fewer pictures D memorises them, unless what it sees is augmented."""
ENOUGH_OF_A_CLASS = 100
LARGEST_FOR_DCGAN = 64
STEPS = 20_000
LARGEST_BATCH = 64


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
METHODS = {
    "photos-fastgan": "FastGAN (arXiv:2101.04775) was made for few pictures",
    "photos-stylegan2-ada": "StyleGAN2 with ADA (arXiv:2006.06676) augments as much as D overfits, "
    "for some thousand pictures",
    "photos-r3gan": "R3GAN (arXiv:2501.05441) has the simplest of the recent objectives, for many "
    "pictures",
}
"""Recipe → why it is chosen. `DCGAN` is for small pictures, and where none is installed."""
FEW_FOR_STYLEGAN = 2_000
MANY_FOR_R3GAN = 30_000


@dataclass(frozen=True)
class Choice:
    """The recipe for a folder of pictures, and the reason."""

    recipe: str
    reason: str


def choose(facts: Facts, size: int, installed: Collection[str]) -> Choice:
    """Return the recipe that suits the number and the size of the pictures best.

    Args:
        installed: names of the recipes there are.
    """
    order: tuple[str, ...]
    few, some, many = METHODS
    if size < LARGEST_FOR_DCGAN:
        why = f"below {LARGEST_FOR_DCGAN} pixels DCGAN (arXiv:1511.06434) is the quickest to try"
        return Choice(DCGAN, why)
    if facts.count < FEW_FOR_STYLEGAN:
        count, order = f"under {FEW_FOR_STYLEGAN:,} pictures", (few, some, many)
    elif facts.count < MANY_FOR_R3GAN:
        count, order = f"under {MANY_FOR_R3GAN:,} pictures", (some, few, many)
    else:
        count, order = f"{MANY_FOR_R3GAN:,} pictures or more", (many, some)
    found = next((name for name in order if name in installed), None)
    if found is None:
        what = "the simplest networks" if size <= LARGEST_FOR_DCGAN else "SNGAN's networks"
        return Choice(DCGAN, f"{what}: {', '.join(order)} are not installed")
    missing = "" if found == order[0] else f" ({order[0]} is not installed)"
    return Choice(found, f"{count}: {METHODS[found]}{missing}")


def photo_text(
    file: str, facts: Facts, size: int, *, kid: bool, choice: Choice | None = None
) -> str:
    """Return the recipe for a folder at `size` x `size`.

    Args:
        kid: whether that metric is installed.
        choice: the recipe to extend; `DCGAN` or None: a recipe with all settings of its own.
    """
    if choice is None or choice.recipe == DCGAN:
        own = (_networks(facts, size), _augmentation(facts), _training(facts, size))
        middle = [_reason(choice), _labels(facts), *own]
    else:
        middle = [_classes_as_comment(facts), _smaller_batch(facts)]
    parts = [_head(file, facts, choice), _dataset(facts, size), *middle, _scores(facts, kid)]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def _reason(choice: Choice | None) -> Iterator[str]:
    if choice:
        text = f"{choice.reason[0].upper()}{choice.reason[1:]}."
        yield from (f"# {line}" for line in wrap(text, 92))


def _classes_as_comment(facts: Facts) -> Iterator[str]:
    if facts.classes:
        yield f"# The {len(facts.classes)} sub-folders are classes. If the networks take labels:"
        yield "# conditional: true"


def _smaller_batch(facts: Facts) -> Iterator[str]:
    if facts.count < LARGEST_BATCH:
        batch = 1 << (max(1, min(facts.count, 8)).bit_length() - 1)
        yield f"train: {{batch_size: {batch}}}  # no more than there are pictures"


def _head(file: str, facts: Facts, choice: Choice | None = None) -> Iterator[str]:
    widths, heights = zip(*facts.sizes, strict=True)
    span = f"{_span(widths)} pixels wide and {_span(heights)} high"
    pictures = "picture" if facts.count == 1 else "pictures"
    yield f"# {facts.count:,} {pictures}, {span}, {', '.join(facts.modes)}."
    yield f"#   ganzoo check {file} --data    every mistake, and every picture that cannot be read"
    yield f"#   ganzoo run {file}             train; `ganzoo resume last` goes on after Ctrl-C"
    yield f"recipe: {FORMAT}"
    yield f"name: {yaml_line(file.removesuffix('.yaml'))}"
    if choice and choice.recipe != DCGAN:
        yield ""
        yield from _reason(choice)
        yield f"#   ganzoo show {file}            networks, loss, optimizers and where each is from"
        yield f"#   ganzoo bench {file}           how long a step takes here"
        yield f"extends: {choice.recipe}"


def _span(sizes: Iterable[int]) -> str:
    smallest, largest = min(sizes), max(sizes)
    return str(smallest) if smallest == largest else f"{smallest} to {largest}"


def _dataset(facts: Facts, size: int) -> Iterator[str]:
    yield from (f"# Left out: {each}" for each in facts.left_out)
    yield "dataset:"
    yield "  use: folder"
    yield f"  path: {yaml_line(facts.path)}  # seen from this file"
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
        yield f"# with {facts.classes[fewest]:,} pictures. G and D are given the class."
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
    yield f"  steps: {STEPS}  # a preview every {STEPS // 10:,}; try train.steps=200 first"
    if batch * 2 > facts.count:
        yield f"  batch_size: {batch}  # no more than there are pictures"
    else:
        yield f"  batch_size: {batch}  # of one update; smaller takes less memory"
    yield "  # Samples and scores come from G's moving average, which is steadier than G."
    yield "  ema: {half_life_samples: 10000, ramp_up: 0.05}"


def _batch(facts: Facts, size: int) -> int:
    """Return a power of two that fits common hardware, and is no more than there are pictures."""
    largest = LARGEST_BATCH if size <= 64 else 32 if size <= 128 else 16
    while largest > max(1, facts.count):
        largest //= 2
    return largest


def _scores(facts: Facts, kid: bool) -> Iterator[str]:
    samples = min(5000, max(2, facts.count))
    yield "# The score is the Fréchet distance. With few pictures it is biased, by more the"
    yield "# fewer they are; KID is not. FID needs Inception's weights, 95 MB: `ganzoo fetch"
    yield "# inception`. Without them a run has no score, unless you name an extractor that"
    yield "# needs no download; its scores rank your own runs."
    yield "eval:"
    yield "  # extractor: toy-cnn"
    why = "as many as there are pictures, at most 5,000"
    yield f"  samples: {samples}  # {why if facts.count > 1 else 'no fewer can be scored'}"
    yield "  metrics: [kid]" if kid else "  # metrics: [kid]    of no plugin that is installed"
