"""The schema: the keys of a recipe, with types, ranges and defaults, and its component slots.

Defaults are defined here and nowhere else. ``None`` means that something is off, or that
`ganzoo.components` resolves it; each field says which. Field docstrings appear in docs/recipes.md,
in `ganzoo schema` and in editors.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from annotated_types import Ge, Gt
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from ganzoo.errors import UsageError, truncate
from ganzoo.recipes.yaml import KeyPath
from ganzoo.runs import names

# --- component slots -----------------------------------------------------------------------------

KINDS: Mapping[KeyPath, str] = {
    ("dataset",): "dataset",
    ("generator",): "generator",
    ("discriminator",): "discriminator",
    ("latent",): "latent",
    ("loss",): "loss",
    ("regularizers", "*"): "regularizer",
    ("augmentation",): "augmentation",
    ("callbacks", "*"): "callback",
    ("optimizers", "both"): "optimizer",
    ("optimizers", "generator"): "optimizer",
    ("optimizers", "discriminator"): "optimizer",
    ("schedules", "*"): "schedule",
    ("eval", "extractor"): "extractor",
    ("eval", "metrics", "*"): "metric",
}
"""Every component slot → its kind. ``*`` is any key of a mapping or position in a list."""

NAMED_BY_KEY = ("regularizers", "callbacks")
"""Mappings whose key is the component's id unless the entry has a `use`."""

MAPS = (*NAMED_BY_KEY, "schedules")
"""Mappings whose entries are slots; null removes an entry."""

BOTH = ("optimizers", "both")
SIDES = (("optimizers", "generator"), ("optimizers", "discriminator"))

DEFAULT_IDS: Mapping[KeyPath, str] = {("latent",): "gaussian", BOTH: "adam"}
"""Component of a slot that gives no `use`."""

_DEEP = ("optimizers", "regularizers", "callbacks")
"""Sections whose slots are one key deeper: ``optimizers.both``, ``regularizers.r1``."""


def kind_of(path: KeyPath) -> str | None:
    """Return the kind of component whose slot is at `path`, or None if `path` is no slot."""
    return KINDS.get(path) or KINDS.get((*path[:-1], "*"))


def join_schedule_key(words: KeyPath) -> KeyPath:
    """Return a path below ``schedules`` with the dotted key of the schedule as one element.

    ``("optimizers", "both", "lr", "end")`` → ``("optimizers.both.lr", "end")``: the key is a slot
    and the name of its parameter.
    """
    deep = bool(words) and (words[0] in _DEEP or words[:2] == ("train", "ema"))
    length = 3 if deep else 2
    return (".".join(words[:length]), *words[length:])


# --- keys ----------------------------------------------------------------------------------------

DEFAULT_OPTIMIZER = {"use": DEFAULT_IDS[BOTH], "lr": 2e-4, "betas": [0.5, 0.999]}
"""What `optimizers.both` is folded over."""

BUDGETS = ("steps", "samples")
"""Of `train`; exactly one of them is given."""

Count = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]


def _run_name(name: str) -> str:
    """A run's directory begins with this name; ``--name`` has the same rule."""
    try:
        names.check(truncate(name, 200))
    except UsageError as error:
        raise ValueError(error.message) from error
    return name


def _facts(value: Any) -> Any:
    flat = isinstance(value, dict) and not any(isinstance(x, dict | list) for x in value.values())
    if value is None or isinstance(value, bool) or flat:
        return value
    raise ValueError("expected true, false, or a mapping of facts such as {value: 1.9, seeds: 3}")


def _no_number(value: Any) -> Any:
    """Keep 1 from passing as true."""
    return str(value) if type(value) in (int, float) else value


_NAME_SCHEMA = {"type": "string", "pattern": f"^{names.PATTERN.pattern}$"}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Node(_Part):
    """A component: its name as the recipe writes it, and the parameters that the recipe gives."""

    use: str
    parameters: dict[str, Any] = {}


class RegularizerNode(Node):
    """A regularizer, with what belongs to its slot."""

    weight: float = 1.0
    """What its terms are multiplied by."""
    every_steps: Count = 1
    """Due in every so many updates of a player, and then so many times as heavy."""


class Group(_Part):
    """Some of a network's parameters, and what their optimizer does otherwise with them."""

    match: str | tuple[str, ...]
    """Which parameters, by name in the network; ``*`` stands for anything. One, or a list."""
    lr_factor: NonNegative | None = None
    """What the learning rate is multiplied by; null: by nothing."""
    weight_decay: NonNegative | None = None
    """Their weight decay in place of the optimizer's; null: the optimizer's."""


class OptimizerNode(Node):
    """An optimizer, with what belongs to its slot."""

    groups: dict[str, Group] = {}
    """Parameters that are treated otherwise, by any name; what no group matches is as the rest."""


class Published(_Part):
    """A figure that somebody else printed, with what makes it comparable."""

    metric: str
    """What was computed, such as fid."""
    value: float
    """The number."""
    source: str
    """Where it was printed: paper and table, or address and revision."""
    n_real: Count | None = None
    """How many real samples it was computed from."""
    n_fake: Count | None = None
    """How many generated samples it was computed from."""
    extractor: str | None = None
    """The network whose features were compared."""
    split: str | None = None
    """The split of the data that was compared with."""
    select: Literal["best", "final"] | None = None
    """Whether it is the best checkpoint's, or the last one's."""


class Optimizers(_Part):
    """One optimizer a player, each after folding it over `both` and that over the default."""

    generator: OptimizerNode
    """What differs for G."""
    discriminator: OptimizerNode
    """What differs for D."""


class Init(_Part):
    """Runs or weights files to start from, as written."""

    generator: str | None = None
    """A run's directory, or a safetensors file, for G."""
    discriminator: str | None = None
    """A run's directory, or a safetensors file, for D."""


class Ema(_Part):
    """The moving average of G's weights, which is what is scored and sampled."""

    half_life_samples: Positive
    """After so many images an old weight counts half."""
    ramp_up: Positive | None = None
    """The half life is at most this part of the images seen so far; null: no ramp."""


class Stop(_Part):
    """When to stop early."""

    metric: str = "frechet"
    """The number that has to improve."""
    patience_evals: Count
    """Stop when it has not improved for so many evaluations."""


class Train(_Part):
    """The budget, the batch, the numerics, what to do in trouble, and what to keep."""

    steps: Count | None = None
    """The budget in generator updates. Give this or `samples`."""
    samples: Count | None = None
    """The budget in real samples shown to D, over all of its updates. Give this or `steps`."""
    batch_size: Count = 64
    """The batch of one update, over all processes."""
    micro_batch: Count | None = None
    """What fits at once on one device; null: the whole batch."""
    discriminator_steps: Count = 1
    """Updates of D before each one of G, each with a real batch of its own."""
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = "fp32"
    """What networks compute in; weights, losses and penalties stay in fp32."""
    memory_format: Literal["auto", "contiguous", "channels_last"] = "auto"
    """How images lie in memory; auto: by fixed rules, written into the lock."""
    compile: Annotated[Literal["auto", True, False], BeforeValidator(_no_number)] = "auto"
    """Whether networks are compiled; auto: by fixed rules, written into the lock."""
    cuda_graphs: Annotated[Literal["auto", True, False], BeforeValidator(_no_number)] = "auto"
    """Whether a GPU plays updates as captured graphs; auto: where every component allows it."""
    batch_norm: Literal["local", "synced"] = "local"
    """Whose samples batch norm sees: those of its own process, or of all; synced trains as one."""
    deterministic: bool = False
    """Only deterministic algorithms, so that a run on a GPU is resumed bit for bit."""
    data: Literal["auto", "memory", "stream"] = "auto"
    """Whether the data is held in memory; auto: up to 2 GiB."""
    ema: Ema | None = None
    """The moving average of G; null: none."""
    clip_grad_norm: Positive | None = None
    """The largest norm of all gradients of a player together; null: no limit."""
    on_nonfinite: Literal["stop", "skip", "rollback"] = "stop"
    """What to do about what is not finite; skip leaves out the update, rollback goes back."""
    on_collapse: Literal["ignore", "warn", "stop"] = "warn"
    """What to do when an evaluation finds samples all alike, or their values all extreme."""
    stop: Stop | None = None
    """When to stop early; null: never."""
    save_every_steps: Count | None = None
    """How often a checkpoint is saved, in generator updates; null: ten times a run."""
    keep: Annotated[int, Ge(2)] = 2
    """How many checkpoints are kept, beside the best one."""
    log_every_steps: Count = 50
    """How often terms are written down, in generator updates."""
    sample_every_steps: Count | None = None
    """How often a picture of samples is written, in generator updates; null: ten times a run."""


class Eval(_Part):
    """How a run is scored."""

    every_steps: Count | None = None
    """How often, in generator updates; null: ten times a run."""
    samples: Annotated[int, Ge(2)] = 5000
    """Generated samples of a score during training."""
    final_samples: Annotated[int, Ge(2)] | None = None
    """Generated samples of the scores at the end, of the best and the last; null: `samples`."""
    extractor: Node | Literal["auto"] | None = "auto"
    """The network whose features are compared; auto: the data set's own; null: no score."""
    reference: str = "train"
    """The split of the data that is compared with."""
    metrics: tuple[Node, ...] = ()
    """What is computed beside the Fréchet distance."""
    seed: Seed = 0
    """Seed of the samples that are scored."""


class Settings(_Part):
    """A whole recipe, typed. `Recipe.settings` is one; `ganzoo.recipes.validate` makes it."""

    recipe: Literal[1]
    """The version of the format: 1."""
    name: Annotated[str, AfterValidator(_run_name), WithJsonSchema(_NAME_SCHEMA)]
    """What its runs are called; without it, the file's name. Not inherited."""
    description: str | None = None
    """One sentence for `ganzoo recipes`. Not inherited."""
    paper: str | None = None
    """Where the method was published, such as arXiv:1802.05957. Not inherited."""
    published: Published | None = None
    """A figure that somebody else printed for this. Not inherited."""
    reproduced: Annotated[Any, AfterValidator(_facts)] = None
    """Whether that figure was reached here: true, false, or facts. Not inherited."""
    requires: tuple[str, ...] = ()
    """Distributions whose plugins it needs, for the message when one is missing."""
    seed: Seed = 0
    """Decides initial weights, order of the data, and all noise."""
    dataset: Node
    """What is learnt."""
    conditional: bool = False
    """Whether the networks see labels; false: not even where the data has classes."""
    labels: Literal["data", "uniform"] = "data"
    """The law of the labels that G is asked for: as in the data, or all equally often."""
    generator: Node
    """G: latents, and labels if conditional, to samples."""
    discriminator: Node
    """D: samples, and labels if conditional, to logits; larger is more real."""
    latent: Node = Node(use=DEFAULT_IDS["latent",])
    """The law of G's input."""
    loss: Node
    """What each player minimises."""
    regularizers: dict[str, RegularizerNode] = {}
    """Penalties beside the loss, by name; a name is the id unless `use` is given."""
    augmentation: Node | None = None
    """What is done to everything that D sees; null: nothing."""
    optimizers: Optimizers
    """One a player: `both`, and what differs for either."""
    schedules: dict[str, Node] = {}
    """Numbers that change with the images seen; a key is the number's path."""
    init: Init = Init()
    """Weights to start from; without them, those of the seed."""
    callbacks: dict[str, Node] = {}
    """Observers of the run, by name; a name is the id unless `use` is given."""
    train: Train
    """The budget, the batch, the numerics."""
    eval: Eval = Eval()
    """How the run is scored."""


def settings_data(part: Any) -> Any:
    """Return settings, or a part of them, as the data of a recipe with every default filled in."""
    if isinstance(part, RegularizerNode):
        slot = {"use": part.use, "weight": part.weight, "every_steps": part.every_steps}
        return slot | part.parameters
    if isinstance(part, OptimizerNode) and part.groups:
        return {"use": part.use} | part.parameters | {"groups": settings_data(part.groups)}
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


class Component(NamedTuple):
    """A component that a recipe names."""

    path: KeyPath
    kind: str
    node: Node


def named_components(settings: Settings) -> Iterator[Component]:
    """Yield every component that the settings name, in the order of `KINDS`.

    Left out are ``auto`` as the extractor, and the placeholders that a partial recipe has where a
    component is wrong. The optimizers are those of the two players.
    """
    yield from (each for each in _slots(settings) if each.node.use)


def _slots(settings: Settings) -> Iterator[Component]:
    for pattern, kind in KINDS.items():
        path = pattern[:-1] if pattern[-1] == "*" else pattern
        value: object = settings
        for key in path:
            value = getattr(value, key, None)
        if isinstance(value, Node):
            yield Component(path, kind, value)
        elif isinstance(value, dict):
            yield from (Component((*path, key), kind, node) for key, node in value.items())
        elif isinstance(value, tuple):
            items = enumerate(value)
            yield from (Component((*path, str(index)), kind, node) for index, node in items)
