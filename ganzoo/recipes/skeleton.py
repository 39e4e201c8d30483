"""The skeleton: every key that the core gives a meaning to, its type, its range, its default.

Defaults stand here and nowhere else. ``None`` means that something is off, or that `ganzoo.build`
resolves it; each field says which.
"""

import re
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from ganzoo.recipes.scalars import shown
from ganzoo.recipes.slots import DEFAULT_IDS

DEFAULT_OPTIMIZER = {"use": DEFAULT_IDS["optimizers", "both"], "lr": 2e-4, "betas": [0.5, 0.999]}
"""What `optimizers.both` is folded over."""

BUDGETS = ("steps", "images")
"""Of `train`; exactly one of them is given."""

Count = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]


_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _run_name(name: str) -> str:
    """A run's directory begins with this name."""
    if not _RUN_NAME.fullmatch(name):
        near = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100]
        guess = f" - did you mean {near!r}?" if near else ""
        rule = "letters, digits, '.', '_' and '-', the first one a letter or digit, at most 100"
        raise ValueError(f"{shown(name)} cannot name a directory ({rule}){guess}")
    return name


def _facts(value: Any) -> Any:
    flat = isinstance(value, dict) and not any(isinstance(x, dict | list) for x in value.values())
    if value is None or isinstance(value, bool) or flat:
        return value
    raise ValueError("expected true, false, or a mapping of facts such as {value: 1.9, seeds: 3}")


def _no_number(value: Any) -> Any:
    """Keep 1 from passing as true."""
    return str(value) if type(value) in (int, float) else value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Node(_Part):
    """A component: its name as the recipe writes it, and the parameters that the recipe gives."""

    use: str
    parameters: dict[str, Any] = {}


class RegularizerNode(Node):
    """A regularizer. `weight` multiplies its terms; it is due every so many updates of a player."""

    weight: float = 1.0
    every_steps: Count = 1


class Published(_Part):
    """A figure that somebody else printed, with what makes it comparable."""

    metric: str
    value: float
    source: str
    n_real: Count | None = None
    n_fake: Count | None = None
    extractor: str | None = None
    split: str | None = None
    select: Literal["best", "final"] | None = None


class Optimizers(_Part):
    """One optimizer a player, each after folding it over `both` and that over the default."""

    generator: Node
    discriminator: Node


class Init(_Part):
    """Runs or weights files to start from, as written."""

    generator: str | None = None
    discriminator: str | None = None


class Ema(_Part):
    """The moving average of G. `ramp_up`: the half life is at most this part of images_seen."""

    half_life_images: Positive
    ramp_up: Positive | None = None


class Stop(_Part):
    """Stop when `metric` has not improved for so many evaluations."""

    metric: str = "frechet"
    patience_evals: Count


class Train(_Part):
    """The budget, the batch, the numerics, what to do in trouble, and what to keep."""

    steps: Count | None = None
    """Generator updates. Exactly one of `steps` and `images` is set."""
    images: Count | None = None
    """Real images shown to D, over all of its updates."""
    batch_size: Count = 64
    """Of one update, over all processes."""
    micro_batch: Count | None = None
    """What fits at once on one device; None: everything."""
    discriminator_steps: Count = 1
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = "fp32"
    memory_format: Literal["auto", "contiguous", "channels_last"] = "auto"
    compile: Annotated[Literal["auto", True, False], BeforeValidator(_no_number)] = "auto"
    deterministic: bool = False
    data: Literal["auto", "memory", "stream"] = "auto"
    ema: Ema | None = None
    clip_grad_norm: Positive | None = None
    on_nonfinite: Literal["stop", "skip", "rollback"] = "stop"
    on_collapse: Literal["ignore", "warn", "stop"] = "ignore"
    stop: Stop | None = None
    save_every_steps: Count | None = None
    """None: a tenth of the run."""
    keep: Annotated[int, Ge(2)] = 2
    """Checkpoints, beside the best one."""
    log_every_steps: Count = 50
    sample_every_steps: Count | None = None
    """None: a tenth of the run."""


class Eval(_Part):
    """How a run is scored."""

    every_steps: Count | None = None
    """None: a tenth of the run."""
    samples: Annotated[int, Ge(2)] = 5000
    final_samples: Annotated[int, Ge(2)] | None = None
    """For the best and the final checkpoint at the end; None: `samples`."""
    extractor: Node | Literal["auto"] | None = "auto"
    """None: no score."""
    reference: str = "train"
    """The split of the data that is compared with."""
    metrics: tuple[Node, ...] = ()
    """Beside the Fréchet distance."""
    seed: Seed = 0


class Settings(_Part):
    """A whole recipe, typed. `Recipe.settings` is one; `ganzoo.recipes.check` makes it."""

    recipe: Literal[1]
    name: Annotated[str, AfterValidator(_run_name)]
    description: str | None = None
    paper: str | None = None
    published: Published | None = None
    reproduced: Annotated[Any, AfterValidator(_facts)] = None
    requires: tuple[str, ...] = ()
    """Distributions, for the message when a component is not there; never installed."""
    seed: Seed = 0
    dataset: Node
    conditional: bool = False
    labels: Literal["data", "uniform"] = "data"
    """Law of the labels that G is asked for."""
    generator: Node
    discriminator: Node
    latent: Node = Node(use=DEFAULT_IDS["latent",])
    loss: Node
    regularizers: dict[str, RegularizerNode] = {}
    augmentation: Node | None = None
    optimizers: Optimizers
    schedules: dict[str, Node] = {}
    """Key: the dotted path of the parameter that is scheduled over images_seen."""
    init: Init = Init()
    callbacks: dict[str, Node] = {}
    train: Train
    eval: Eval = Eval()


def settings_data(part: Any) -> Any:
    """Return settings, or a part of them, as the data of a recipe with every default filled in."""
    if isinstance(part, RegularizerNode):
        slot = {"use": part.use, "weight": part.weight, "every_steps": part.every_steps}
        return slot | part.parameters
    if isinstance(part, Node):
        return {"use": part.use} | part.parameters
    if isinstance(part, BaseModel):
        fields = {name: settings_data(getattr(part, name)) for name in type(part).model_fields}
        budget = BUDGETS if isinstance(part, Train) else ()
        return {key: each for key, each in fields.items() if key not in budget or each is not None}
    if isinstance(part, dict):
        return {key: settings_data(each) for key, each in part.items()}
    if isinstance(part, list | tuple):
        return [settings_data(each) for each in part]
    return part
