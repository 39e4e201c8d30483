"""The schema: the keys of a recipe, with types, ranges and defaults, and its component slots.

Defaults are defined here and nowhere else. ``None`` means that something is off, or that
`ganzoo.components` resolves it; each field says which. Field docstrings appear in docs/recipes.md,
in `ganzoo schema` and in editors.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, get_args

from annotated_types import Ge, Gt
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic.fields import FieldInfo

from ganzoo.errors import UsageError, truncate
from ganzoo.recipes.yaml import KeyPath
from ganzoo.runs.references import NAME_PATTERN, check_name

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
    ("eval", "latent"): "latent",
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

_DEEP = (("optimizers",), ("regularizers",), ("callbacks",), ("train", "ema"))
"""Sections whose numbers are one key deeper, such as ``optimizers.both.lr``."""


def kind_of(path: KeyPath) -> str | None:
    """Return the kind of component whose slot is at `path`, or None if `path` is no slot."""
    return KINDS.get(path) or KINDS.get((*path[:-1], "*"))


def join_schedule_key(words: KeyPath) -> KeyPath:
    """Return a path below ``schedules`` with the dotted key of the schedule as one element.

    ``("optimizers", "both", "lr", "end")`` → ``("optimizers.both.lr", "end")``: the key is a slot
    and the name of its parameter.
    """
    length = 3 if words[:1] in _DEEP or words[:2] in _DEEP else 2
    return (".".join(words[:length]), *words[length:])


# --- keys ----------------------------------------------------------------------------------------

DEFAULT_OPTIMIZER = {"use": DEFAULT_IDS[BOTH], "lr": 2e-4, "betas": [0.5, 0.999]}
"""Default optimizer; `optimizers.both` is merged over it."""

BUDGETS = ("steps", "samples")
"""Keys of `train`; a recipe gives exactly one of them."""


class Mark(Enum):
    """Role of a key. Keys without a mark, or with `SCHEDULABLE` alone, identify the experiment.

    Which keys are `EXECUTION` is shown by the tests in the table at the end of
    docs/performance.md: those whose effect is *bit-identical* or *rounding*.
    """

    ABOUT = "names or describes the experiment, or repeats it with another seed"
    BUDGET = "the length of the run; may change when it is resumed"
    CADENCE = "when something is written or scored; may change when the run is resumed"
    EXECUTION = "how the same numbers are computed, to rounding, and who observes them"
    READING = "where data is read from, to the bit; may change when the run is resumed"
    SCHEDULABLE = "a number of the training step that a schedule can change"


Count = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]


def _run_name(name: str) -> str:
    """Apply the rule of ``--name``: the run directory begins with this name."""
    try:
        check_name(truncate(name, 200))
    except UsageError as error:
        raise ValueError(error.message) from error
    return name


def _facts(value: Any) -> Any:
    flat = isinstance(value, dict) and not any(isinstance(x, dict | list) for x in value.values())
    if value is None or isinstance(value, bool) or flat:
        return value
    raise ValueError("expected true, false, or a mapping of facts such as {value: 1.9, seeds: 3}")


def _no_number(value: Any) -> Any:
    """Keep 1 from being accepted as true."""
    return str(value) if type(value) in (int, float) else value


_NAME_SCHEMA = {"type": "string", "pattern": f"^{NAME_PATTERN.pattern}$"}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Node(_Part):
    """A component: its name and parameters as the recipe gives them."""

    use: str
    parameters: dict[str, Any] = {}


class RegularizerNode(Node):
    """A regularizer, with the keys of its slot."""

    weight: float = 1.0
    """Factor on its terms."""
    every_steps: Count = 1
    """Apply every N updates of a player, scaled by N (lazy regularization)."""


class Group(_Part):
    """A group of a network's parameters, with its own optimizer settings."""

    match: str | tuple[str, ...]
    """Pattern, or list of patterns, of parameter names; ``*`` matches anything."""
    lr_factor: NonNegative | None = None
    """Factor on the learning rate; null: 1."""
    weight_decay: NonNegative | None = None
    """Weight decay of the group; null: the optimizer's."""


class OptimizerNode(Node):
    """An optimizer, with the keys of its slot."""

    groups: dict[str, Group] = {}
    """Parameter groups by name; other parameters use the optimizer's settings."""


class Published(_Part):
    """A published score, with what makes it comparable."""

    metric: str
    """Name in a run's scores, such as modes_covered; fid or frechet: the Fréchet distance."""
    value: float
    """The published value, in the unit of a run's scores."""
    source: str
    """Where it was published: paper and table, or URL and revision."""
    n_real: Count | None = None
    """Number of real samples."""
    n_fake: Count | None = None
    """Number of generated samples."""
    extractor: str | None = None
    """Feature extractor."""
    split: str | None = None
    """Split of the data that served as reference."""
    select: Literal["best", "final"] | None = None
    """Which checkpoint was scored: the best or the last."""
    trials: Count | None = None
    """Number of training runs that the value is the mean of; null: one run, or unknown."""
    standard_error: NonNegative | None = None
    """Standard error of the value: over training runs with `trials`, otherwise over samples."""
    deviations: tuple[str, ...] = ()
    """How the recipe differs from what was published, one phrase each."""


class Optimizers(_Part):
    """The optimizers of G and D, each merged over `both`, and `both` over the default."""

    generator: OptimizerNode
    """Settings that differ for G."""
    discriminator: OptimizerNode
    """Settings that differ for D."""


class Init(_Part):
    """Runs or weights files to start from, as written in the recipe."""

    generator: str | None = None
    """Run directory, with its latent if that learns, or safetensors file: the weights of G."""
    discriminator: str | None = None
    """Run directory or safetensors file: the weights of D."""


class Ema(_Part):
    """Moving average of G's weights; scores and samples use it."""

    half_life_samples: Annotated[Positive, Mark.SCHEDULABLE]
    """EMA half-life, in samples."""
    ramp_up: Annotated[Positive | None, Mark.SCHEDULABLE] = None
    """Limit the half-life to this fraction of the samples seen so far; null: no limit."""


class Stop(_Part):
    """Early stopping."""

    metric: str = "frechet"
    """Metric that has to improve."""
    patience_evals: Count
    """Stop after this many evaluations without improvement."""


class Train(_Part):
    """Budget, batch, numerics, error policies, checkpoints."""

    steps: Annotated[Count | None, Mark.BUDGET] = None
    """Budget in steps: rounds of `discriminator_steps` and `generator_steps`. Or give `samples`."""
    samples: Annotated[Count | None, Mark.BUDGET] = None
    """Budget in samples seen: the real batches of D's updates. Or give `steps`."""
    batch_size: Count = 64
    """Samples in one update, over all processes."""
    micro_batch: Annotated[Count | None, Mark.EXECUTION] = None
    """Samples computed at once on one device (gradient accumulation); null: the whole batch."""
    discriminator_steps: Annotated[int, Ge(0)] = 1
    """D updates in each step, each with a new real batch; 0: D is never trained."""
    generator_steps: Count = 1
    """G updates in each step, after those of D, each with new latents."""
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = "fp32"
    """Precision of the networks; weights, losses and penalties stay in fp32."""
    memory_format: Annotated[Literal["auto", "contiguous", "channels_last"], Mark.EXECUTION] = (
        "auto"
    )
    """Tensor memory format, NCHW or channels_last; auto: by fixed rules, recorded in the lock."""
    compile: Annotated[
        Literal["auto", True, False], BeforeValidator(_no_number), Mark.EXECUTION
    ] = "auto"
    """Compile the networks with torch.compile; auto: by fixed rules, recorded in the lock."""
    cuda_graphs: Annotated[
        Literal["auto", True, False], BeforeValidator(_no_number), Mark.EXECUTION
    ] = "auto"
    """Run updates as CUDA graphs on a GPU; auto: if every component allows it."""
    batch_norm: Literal["local", "synced"] = "local"
    """Batch-norm statistics of each process, or of all (synced), as if one device trained."""
    deterministic: Annotated[bool, Mark.EXECUTION] = False
    """Use only deterministic algorithms, so that resuming on a GPU is bit-exact."""
    data: Annotated[Literal["auto", "memory", "cache", "stream"], Mark.EXECUTION, Mark.READING] = (
        "auto"
    )
    """Keep samples in memory, or on disk (cache), or decode them each time; auto: by size."""
    workers: Annotated[Literal["auto"] | Annotated[int, Ge(0)], Mark.EXECUTION, Mark.READING] = (
        "auto"
    )
    """Processes that decode samples ahead; 0: none; auto: one per core, at most 8."""
    ema: Ema | None = None
    """Moving average of G's weights; null: none."""
    clip_grad_norm: Annotated[Positive | None, Mark.SCHEDULABLE] = None
    """Maximum norm of a player's whole gradient; null: no clipping."""
    on_nonfinite: Literal["stop", "skip", "rollback"] = "stop"
    """On NaN or infinity: stop, skip the update, or roll back to the last checkpoint."""
    on_collapse: Literal["ignore", "warn", "stop"] = "warn"
    """When an evaluation finds mode collapse or saturated samples: ignore, warn or stop."""
    stop: Stop | None = None
    """Early stopping; null: none."""
    save_every_steps: Annotated[Count | None, Mark.CADENCE] = None
    """Checkpoint interval, in steps; null: ten checkpoints per run."""
    keep: Annotated[int, Ge(2), Mark.CADENCE] = 2
    """Number of newest checkpoints to keep, in addition to the best one."""
    log_every_steps: Annotated[Count, Mark.CADENCE] = 50
    """Logging interval of the loss terms, in steps."""
    sample_every_steps: Annotated[Count | None, Mark.CADENCE] = None
    """Interval between sample previews, in steps; null: ten per run."""

    @property
    def samples_per_step(self) -> int:
        """Samples seen in one step: the real batches of D, or of G where D is never trained."""
        return self.batch_size * (self.discriminator_steps or self.generator_steps)


class Eval(_Part):
    """How a run is scored."""

    every_steps: Annotated[Count | None, Mark.CADENCE] = None
    """Evaluation interval, in steps; null: ten evaluations per run."""
    samples: Annotated[int, Ge(2)] = 5000
    """Number of generated samples per evaluation during training."""
    final_samples: Annotated[int, Ge(2)] | None = None
    """Number of generated samples for the final scores (best and last); null: `samples`."""
    extractor: Node | Literal["auto"] | None = "auto"
    """Feature extractor; auto: the one that the data set declares; null: no scores."""
    reference: str = "train"
    """Split of the data that serves as reference."""
    metrics: tuple[Node, ...] = ()
    """Metrics to compute in addition to the Fréchet distance."""
    seed: Seed = 0
    """Seed of the generated samples."""
    sampling: dict[str, Any] = {}
    """G's sampling parameters, such as truncation, by name; others have G's defaults."""
    latent: Node | None = None
    """Distribution of G's input at sampling; null: the same as in training."""


class Settings(_Part):
    """A whole recipe with types. `Recipe.settings` is one; `validate.check` makes it."""

    recipe: Annotated[Literal[1], Mark.ABOUT]
    """Version of the recipe format: 1."""
    name: Annotated[str, AfterValidator(_run_name), WithJsonSchema(_NAME_SCHEMA), Mark.ABOUT]
    """Name of its runs; default: the file's name. Not inherited."""
    description: Annotated[str | None, Mark.ABOUT] = None
    """One sentence, shown by `ganzoo recipes`. Not inherited."""
    paper: Annotated[str | None, Mark.ABOUT] = None
    """Paper of the method, such as arXiv:1802.05957. Not inherited."""
    published: Annotated[Published | None, Mark.ABOUT] = None
    """Published score of this recipe. Not inherited."""
    reproduced: Annotated[Any, AfterValidator(_facts), Mark.ABOUT] = None
    """Whether the published score was reproduced: true, false, or facts. Not inherited."""
    requires: Annotated[tuple[str, ...], Mark.ABOUT] = ()
    """Distributions that provide its plugins; the error names them if a plugin is missing."""
    seed: Annotated[Seed, Mark.ABOUT] = 0
    """Seed of the initial weights, the data order and all noise."""
    dataset: Node
    """Data to train on."""
    conditional: bool = False
    """Give labels, or the condition of the data, to G and D. If false, both are ignored."""
    labels: Literal["data", "uniform"] = "data"
    """Distribution of the labels that G receives: as in the data, or uniform (classes only)."""
    generator: Node
    """G maps latents, and labels if conditional, to samples."""
    discriminator: Node
    """D maps samples, and labels if conditional, to logits; larger means more real."""
    latent: Node = Node(use=DEFAULT_IDS["latent",])
    """Distribution of G's input."""
    loss: Node
    """What each player minimises."""
    regularizers: dict[str, RegularizerNode] = {}
    """Penalties added to the loss, by name; the name is the id unless `use` is given."""
    augmentation: Node | None = None
    """Augmentation of everything that D sees, real and fake; null: none."""
    optimizers: Optimizers
    """Settings of `both` optimizers, and what differs for `generator` or `discriminator`."""
    schedules: dict[str, Node] = {}
    """Schedules over the samples seen; each key is the path of a number."""
    init: Init = Init()
    """Weights to start from; default: random, from the seed."""
    callbacks: Annotated[dict[str, Node], Mark.EXECUTION] = {}
    """Observers of the run, by name; the name is the id unless `use` is given."""
    train: Train
    """Budget, batch, numerics."""
    eval: Eval = Eval()
    """How the run is scored."""


def marked(*marks: Mark) -> tuple[str, ...]:
    """Return the keys that have one of these marks, as ``section.key``, in the schema's order."""
    return tuple(".".join(path) for path in _marked(Settings, marks))


def _marked(model: type[BaseModel], marks: tuple[Mark, ...]) -> Iterator[KeyPath]:
    for name, field in model.model_fields.items():
        if any(mark in marks for mark in field.metadata):
            yield (name,)
        for part in models_in(field):
            yield from ((name, *path) for path in _marked(part, marks))


def models_in(field: FieldInfo) -> list[type[BaseModel]]:
    """Return the models that the value of a field may be: sections of a recipe, or components."""
    types = (field.annotation, *get_args(field.annotation))
    return [each for each in types if isinstance(each, type) and issubclass(each, BaseModel)]


class Component(NamedTuple):
    """A component that a recipe names."""

    path: KeyPath
    kind: str
    node: Node


def named_components(settings: Settings) -> Iterator[Component]:
    """Yield every component that the settings name, in the order of `KINDS`.

    The extractor ``auto`` is left out, and so are placeholders in partial recipes. The optimizers
    are those of the two players.
    """
    for pattern, kind in KINDS.items():
        path = pattern[:-1] if pattern[-1] == "*" else pattern
        value: object = settings
        for key in path:
            value = getattr(value, key, None)
        nodes: dict[KeyPath, Node] = {}
        if isinstance(value, Node):
            nodes = {path: value}
        elif isinstance(value, dict):
            nodes = {(*path, key): node for key, node in value.items()}
        elif isinstance(value, tuple):
            nodes = {(*path, str(index)): node for index, node in enumerate(value)}
        yield from (Component(at, kind, node) for at, node in nodes.items() if node.use)
