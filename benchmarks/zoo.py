"""Write docs/zoo.md: every recipe with its method, size, published score, our score, and speed.

    python benchmarks/zoo.py                        # the page; seconds, no torch
    python benchmarks/zoo.py --measure [RECIPE…]    # parameters and seconds per step, into zoo.json

Measured on one CPU thread, in CPU time, so that other work on the machine does not count. Without
names, what is measured already is left alone. A measurement counts only for the networks and
settings that it was made with; a recipe whose data is not here gets no seconds.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from provenance import processor

from ganzoo.errors import RecipeError
from ganzoo.recipes.load import Recipe, shipped_recipes
from ganzoo.recipes.schema import Mark, marked
from ganzoo.registry.names import shorten
from ganzoo.registry.registry import Registry
from ganzoo.report.compare import compare_by_dataset
from ganzoo.report.published import PublishedFigure
from ganzoo.report.table import Table, three_digits, with_spread
from ganzoo.runs.records import content_hash
from ganzoo.version import __version__

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "zoo.md"
MEASURED = Path(__file__).with_name("zoo.json")
RECORDS = ROOT / "recipes" / "records"

BUNDLED = (
    "ganzoo-zoo",
    "ganzoo-emoji",
    "ganzoo-table",
    "ganzoo-text",
    "ganzoo-audio",
    "ganzoo-video",
)
NOT_MEASURED = "not measured"
CYCLE = 16
"""Steps after which lazy regularizers repeat; the average is over whole cycles."""
SECONDS = 3.0
"""Least CPU time of a measurement."""

COLUMNS = ("recipe", "method", "paper", "G", "D", "published", "ours", "s a step", "all steps")
NUMBERS = ("G", "D", "s a step", "all steps")

HEAD = """# The zoo

<!-- Written by `make zoo` from the recipes, `recipes/records` and `benchmarks/zoo.json`. -->

{count} recipes ship with ganzoo and its plugins. [choosing.md](choosing.md) says which one to take.

- **G, D**: the number of trained parameters of each network.
- **published**: a score from a paper or another project, with what is known of its protocol.
  `ganzoo verify RECIPE` says if it is reproduced. The sources are below each table.
- **ours**: the final score in the records of the [leaderboard](leaderboard.html): mean ± sd over n
  seeds, after that many steps, which may be others than the recipe's own. Scores of different
  protocols cannot be compared.
- **s a step**: CPU seconds of one thread for a step: `discriminator_steps` updates of D, then the
  updates of G.
- **all steps**: the same for all steps of the recipe, without its evaluations.

"""


def recipes(registry: Registry) -> dict[str, Recipe]:
    """Return every recipe of ganzoo and of the bundled plugins, by name."""
    plugin = [each.id for each in registry.list("recipe") if each.distribution in BUNDLED]
    found = {}
    for name in [*shipped_recipes(), *plugin]:
        with suppress(RecipeError):  # what several recipes share is no recipe by itself
            found[name] = Recipe.load(name, (), registry)
    return found


# --- the page ------------------------------------------------------------------------------------


def page() -> str:
    """Return the text of docs/zoo.md."""
    registry = Registry()
    found = recipes(registry)
    measured, scores = json.loads(MEASURED.read_text()), our_scores()
    by_data: dict[str, dict[str, Recipe]] = defaultdict(dict)
    for name, recipe in sorted(found.items()):
        by_data[shorten(recipe.settings.dataset.use)][name] = recipe
    parts = [HEAD.format(count=len(found))]
    for data, group in sorted(by_data.items(), key=lambda each: (-len(each[1]), each[0])):
        rows = [row(name, each, measured, scores) for name, each in group.items()]
        parts.append(f"## {data}\n\n{Table(COLUMNS, rows, NUMBERS).markdown()}\n\n")
        if sources := [f"- `{name}`: {each}" for name, each in sources_of(group)]:
            parts.append("\n".join(["Sources:", "", *sources]) + "\n\n")
    parts.append(machines(measured, found))
    return "".join(parts)


def row(
    name: str, recipe: Recipe, measured: Mapping[str, Any], scores: Mapping[str, str]
) -> list[str]:
    """Return the cells of a recipe."""
    settings = recipe.settings
    known = measured.get(name, {})
    if known.get("identity") != identity(recipe):
        known = {}
    sizes = [f"{known[key]:,}" if key in known else NOT_MEASURED for key in ("g", "d")]
    seconds = known.get("seconds_per_step")
    method = (settings.description or "").removesuffix(".")
    return [
        f"`{name}`",
        method,
        paper(settings.paper),
        *sizes,
        published(figure_of(name, recipe)),
        scores.get(name, NOT_MEASURED),
        three_digits(seconds) if seconds else NOT_MEASURED,
        duration(seconds * steps_of(recipe)) if seconds else NOT_MEASURED,
    ]


def steps_of(recipe: Recipe) -> int:
    """Return the budget of a recipe in steps."""
    train = recipe.settings.train
    return train.steps or -(-(train.samples or 0) // train.samples_per_step)


def duration(seconds: float) -> str:
    """Return a time in two digits: ``85 s``, ``12 min``, ``3.4 h``."""
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        value = seconds / length
        if round(value) < 100 or unit == "h":
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    raise AssertionError


def paper(text: str | None) -> str:
    """Return a link to a paper on arXiv; other texts stay as they are."""
    if not text or not text.startswith("arXiv:"):
        return text or ""
    number = text.removeprefix("arXiv:")
    return f"[{number}](https://arxiv.org/abs/{number})"


def figure_of(name: str, recipe: Recipe) -> PublishedFigure | None:
    """Return a recipe's published figure."""
    settings = recipe.settings
    if settings.published is None:
        return None
    return PublishedFigure.of(name, settings.published.model_dump(), settings.reproduced)


def published(figure: PublishedFigure | None) -> str:
    """Return a published figure with the known parts of its protocol."""
    if figure is None:
        return ""
    error = "" if figure.standard_error is None else f" ± {figure.standard_error:g}"
    facts = f" ({figure.facts})" if figure.facts else ""
    return f"{figure.metric} {figure.value:g}{error}{facts}"


def sources_of(group: Mapping[str, Recipe]) -> Iterator[tuple[str, str]]:
    """Yield the source of each published figure, and how the recipe deviates from it."""
    for name, recipe in group.items():
        if figure := figure_of(name, recipe):
            deviations = "; ".join(figure.deviations)
            yield name, figure.source + (f". Deviations: {deviations}" if deviations else "")


def our_scores() -> dict[str, str]:
    """Return the scores in the records by recipe, in words."""
    found: dict[str, str] = {}
    for board in compare_by_dataset(None, RECORDS):
        for each in board.ranked:
            run = board.directories[each.runs[0]]
            step = each.sampling["step"][-1] if each.sampling.get("step") else None
            steps = f", {step:,} steps" if step else ""
            words = f"{with_spread(each.mean, each.sd)} {board.protocol.words()}"
            found.setdefault(str(run.info().get("recipe")), f"{words} (n={each.n}{steps})")
    return found


def machines(measured: Mapping[str, Any], found: Mapping[str, Recipe]) -> str:
    """Return when and where the speeds on the page were measured."""
    places = sorted(
        {
            f"{known['date']}, {known['machine']}, torch {known['torch']}"
            for name, recipe in found.items()
            if (known := measured.get(name, {})).get("seconds_per_step")
            and known["identity"] == identity(recipe)
        }
    )
    lines = "\n".join(f"- {each}" for each in places) or f"- {NOT_MEASURED}"
    return (
        "## How it was measured\n\n"
        "`OMP_NUM_THREADS=1 python benchmarks/zoo.py --measure`, one thread, CPU time:\n\n"
        f"{lines}\n"
    )


# --- measuring -----------------------------------------------------------------------------------

COUNTED = ("dataset", "conditional", "labels", "generator", "discriminator", "latent", "loss",
           "regularizers", "augmentation", "optimizers", "train")  # fmt: skip
"""Sections of a recipe that a measurement depends on."""


def identity(recipe: Recipe) -> str:
    """Return a hash of everything in a recipe that its measurements depend on."""
    settings = recipe.settings.model_dump()
    for key in marked(Mark.BUDGET, Mark.CADENCE):
        section, _, name = key.rpartition(".")
        settings[section].pop(name, None)
    return content_hash({key: settings[key] for key in COUNTED})[:12]


def measure(names: Sequence[str]) -> None:
    """Measure recipes, and write each result into `MEASURED` at once."""
    import torch

    torch.set_num_threads(1)
    registry = Registry()
    found = recipes(registry)
    known = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    for name, recipe in found.items():
        own = identity(recipe)
        if name not in names if names else known.get(name, {}).get("identity") == own:
            continue
        sizes, seconds = parameters(recipe, registry), seconds_per_step(name)
        known[name] = {
            "identity": own,
            **sizes,
            "seconds_per_step": seconds,
            "date": str(date.today()),
            "machine": processor(),
            "torch": str(torch.__version__),
            "ganzoo": __version__,
            "python": platform.python_version(),
        }
        kept = {each: known[each] for each in sorted(known) if each in found}
        MEASURED.write_text(json.dumps(kept, indent=1) + "\n")
        print(f"{name}: {sizes}, {seconds} s a step", flush=True)


def parameters(recipe: Recipe, registry: Registry) -> dict[str, int]:
    """Return the numbers of trained parameters of G, with its latent, and of D.

    Nothing is returned for networks that depend on data that is not here.
    """
    from torch import nn

    from ganzoo.components.build import build_generator, make
    from ganzoo.components.planner import plan_components
    from ganzoo.errors import GanzooError

    try:
        try:
            parts, _ = plan_components(recipe, registry)
        except GanzooError:  # the data's path is yet to be given
            elsewhere = {"dataset.path": str(ROOT / "nowhere")}
            parts, _ = plan_components(Recipe.load(recipe.reference, elsewhere, registry), registry)
        spec = spec_of(parts["dataset",])
        generator, latent = build_generator(parts, spec, recipe.settings.seed)
        discriminator = make(parts["discriminator",], spec)
    except GanzooError as error:
        print(f"{recipe.name} gets no sizes: {error.message.splitlines()[0]}", flush=True)
        return {}
    learned = [generator, latent] if isinstance(latent, nn.Module) else [generator]
    return {"g": sum(map(trained, learned)), "d": trained(discriminator)}


def trained(network: Any) -> int:
    """Return the number of a network's parameters that an optimizer changes."""
    return sum(each.numel() for each in network.parameters() if each.requires_grad)


def spec_of(dataset: Any) -> Any:
    """Return what one sample of a data set is, although its files may not be here."""
    from ganzoo.api import SampleSpec
    from ganzoo.components.build import make
    from ganzoo.errors import GanzooError

    try:
        return make(dataset, "train").spec
    except GanzooError:
        spec = getattr(dataset.factory, "spec", None)
        if isinstance(spec, SampleSpec):
            return spec
        if "size" not in dataset.plain:
            raise
        size, channels = dataset.plain["size"], dataset.plain.get("channels") or 3
        return SampleSpec("image", (channels, size, size))


def seconds_per_step(name: str) -> float | None:
    """Return the CPU seconds of a step; None if the data is not here."""
    from ganzoo.errors import GanzooError
    from ganzoo.training.assemble import make_step
    from ganzoo.training.execution import numerics
    from ganzoo.training.launch import prepare
    from ganzoo.training.processes import find_processes

    try:
        plan = prepare(name, {"eval.extractor": None, "eval.metrics": []})
    except GanzooError as error:
        print(f"{name} gets no seconds: {error.message.splitlines()[0]}", flush=True)
        return None
    with numerics(plan.recipe.settings.train):
        step = make_step(plan, find_processes())
        for _ in range(2):
            step()
        began, steps = time.process_time(), 0
        while steps == 0 or time.process_time() - began < SECONDS:
            for _ in range(CYCLE):
                step()
            steps += CYCLE
        return float(f"{(time.process_time() - began) / steps:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", nargs="*", metavar="RECIPE", help="default: what is missing")
    chosen = parser.parse_args()
    if chosen.measure is not None:
        measure(chosen.measure)
    PAGE.write_text(page())
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
