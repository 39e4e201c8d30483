"""All that a plugin imports, and it imports no torch: hooks, `SampleSpec`, `Game`, their words.

A plugin is a distribution with one entry point in the group ``ganzoo.v1``. The entry point's name
is the plugin's namespace; the module that it names implements the hooks of `Hooks`, each of which
hands over import strings and metadata, never classes::

    @hookimpl
    def register_losses(register):
        register("hinge", "ganzoo_acme.losses:Hinge", revision=1, paper="arXiv:1705.02894")

A target is a factory (class or function). The engine's arguments come positionally, the recipe's
parameters by keyword, so a target's annotated keyword-only arguments *are* its parameters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol

import pluggy
from annotated_types import Ge, Gt, Le, Lt

from ganzoo.errors import DataError, PluginError
from ganzoo.modalities import MODALITIES, Column, Modality, SampleSpec, write_npz

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

API_VERSION = 1
ENTRY_POINT_GROUP = f"ganzoo.v{API_VERSION}"

hookspec = pluggy.HookspecMarker("ganzoo")
hookimpl = pluggy.HookimplMarker("ganzoo")

PositiveInt = Annotated[int, Gt(0)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Le(1)]

CAPABILITIES: Mapping[str, str] = {
    "conditional": "the network uses its labels",
    "features": "D returns intermediate features",
    "class-logits": "D returns logits over the classes",
    "real-gradient": "needs the gradient of D with respect to the real batch",
    "fake-gradient": "needs the gradient of D with respect to the generated batch",
    "input-gradient": "needs the gradient of D with respect to other points",
    "generator-graph": "differentiates through G in the discriminator's update",
    "batch-coupled": "the output for a sample depends on the rest of its batch",
    "internal-noise": "in eval mode the output is not a function of the inputs alone",
    "unbounded": "G's output may leave the range of the model form; it is clamped at sampling",
    "graph-safe": "runs the same operations for any tensor values and any step: it can be captured",
}
"""The closed vocabulary of capability words; a plugin may add its own as ``acme/word``."""


# --- the game ------------------------------------------------------------------------------------


class DiscriminatorOutput(NamedTuple):
    """The output of D for a batch.

    `logits`: (B,), or (B, K) for K logits per sample (patches, scales); larger is more real.
    `features`: intermediate activations, first axis B. `class_logits`: (B, classes).
    `extra`: other outputs by name, first axis B.
    """

    logits: Tensor
    features: tuple[Tensor, ...] = ()
    class_logits: Tensor | None = None
    extra: Mapping[str, Tensor] = {}


Terms = Mapping[str, "Tensor"]
"""Named scalar terms of one player's loss. The engine sums, logs and checks them by name."""


class Noise(Protocol):
    """Random numbers for one batch; each row depends on the global index of its sample.

    A name gives the same numbers for any number of processes and micro-batches.
    """

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B, *shape) in [0, 1)."""

    def normal(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B, *shape), standard normal."""


class Game(Noise, Protocol):
    """One update of one player, as a paper writes it. The engine chooses the forward passes.

    In the discriminator's update `fake` has no graph (unless a component declares
    ``generator-graph``). In the generator's update D's parameters are frozen and `fake` has the
    graph of G. All samples are in model form. Properties are computed at first use, once.
    """

    player: str
    """The player that is updated: ``discriminator`` or ``generator``."""
    real: Tensor
    """(B, *model_shape); every update has another real batch."""
    labels: Tensor | None
    """(B,) int64, or None when the recipe is not conditional."""
    latents: Tensor
    """(B, latent_dim) float32."""
    fake_labels: Tensor | None
    """(B,) int64, or None when the recipe is not conditional."""
    step: int
    """Number of generator updates before this one."""
    samples_seen: int
    """Real samples shown to D before this update, over all ranks."""
    generator_module: nn.Module
    """G, for weight penalties and `styles(z, y)`. Call `generate` to make samples."""
    discriminator_module: nn.Module
    """D, for weight penalties. Call `discriminate` instead of this module."""

    @property
    def fake(self) -> Tensor:
        """G(latents, fake_labels), (B, *model_shape)."""

    @property
    def real_output(self) -> DiscriminatorOutput:
        """D of the real batch, augmented."""

    @property
    def fake_output(self) -> DiscriminatorOutput:
        """D of the generated batch, augmented."""

    @property
    def real_logits(self) -> Tensor:
        """`real_output.logits`."""

    @property
    def fake_logits(self) -> Tensor:
        """`fake_output.logits`."""

    def discriminate(
        self, x: Tensor, y: Tensor | None = None, augment: bool = True
    ) -> DiscriminatorOutput:
        """Return D(x, y). x is augmented with new noise unless `augment` is False."""

    def augment(self, x: Tensor) -> Tensor:
        """Return x augmented with new noise, or x if the recipe has no augmentation."""

    def generate(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return G(z, y)."""

    def input_gradient(
        self, x: Tensor, y: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        """Return D's output on x and d(sum of its logits)/dx, shaped like x, differentiable.

        For `real` and `fake` it is the output that the loss uses, without a second pass.
        """

    def mean(self, t: Tensor) -> Tensor:
        """Return the mean of t over all ranks, differentiable."""

    def gather(self, t: Tensor) -> Tensor:
        """Return the rows of t from all ranks, differentiable, for losses that contrast samples."""

    def replace(self, **fields: Any) -> Game:
        """Return this game with other `real`, `labels`, `fake`, `latents`, `fake_labels`.

        The output of D for a replaced field is computed again, unless `real_output` or
        `fake_output` is passed too (top-k keeps rows of the output that is there).
        """


class Loss(Protocol):
    """A loss: what each player minimises."""

    def discriminator(self, game: Game) -> Terms: ...

    def generator(self, game: Game) -> Terms: ...


class Regularizer(Protocol):
    """One or both methods of a loss, and optionally these."""

    def prepare(self, game: Game) -> Game:
        """Return the game that the loss gets (top-k, latent optimisation, APA)."""

    def after_step(self, game: Game) -> None:
        """Act on the modules after the player's update (weight clipping)."""


class Dataset(Protocol):
    """A map-style data set in stored form. The constructor lists files and reads headers only.

    Optional: ``tensors() -> (samples, labels or None)`` returns all data if it fits in memory;
    ``check() -> list[str]`` decodes all data and names what cannot be read.
    """

    spec: SampleSpec

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, int | None]: ...


class Extractor(Protocol):
    """A feature extractor for the Fréchet distance and other metrics.

    It is called with float32 (B, *input_shape). Images are in [0, 255], resized and with adapted
    channels. If `input_shape` is None, samples have their stored values and shape, in float32.
    Optional: ``class_logits(features) -> (B, K)``.
    """

    input_shape: tuple[int, ...] | None
    num_features: int | None
    """D, or None if it depends on the samples."""
    layer: str
    weights_sha256: str | None
    """Hash of the weights, or None without weights."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return float32 features (B, num_features)."""


@dataclass(frozen=True)
class Evaluated:
    """The input of a metric for one side, real or generated."""

    features: Tensor
    """(N, D) float32 on the CPU."""
    samples: Tensor
    """(N, *shape) in stored form on the CPU."""
    labels: Tensor | None = None
    """(N,) int64: the labels of the data, or those given to G."""
    class_logits: Tensor | None = None
    """(N, K), if the extractor has a classifier."""
    splits: Mapping[str, Evaluated] = field(default_factory=dict)
    """For the real side: the splits of its data set by name. A split is read and its features are
    computed at first access, which raises `DataError` if there is no such split."""
    generator: GeneratorProbe | None = None
    """For the generated side: the generator; None for samples from a file."""


class GeneratorProbe(Protocol):
    """A trained generator in eval mode, for metrics that need more samples of it."""

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
        """Return latents (count, latent_dim) as the recipe draws them, and int64 labels (count,).

        A larger count begins with the same rows. Labels are None for an unconditional recipe.
        """

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Return the extractor's features of G(latents, labels), float32 (B, D) on the CPU.

        The samples are clamped to the range of the stored form but not rounded, so that features
        change smoothly with the latents. Noise inside G is fixed: row i of every call has the same.
        """


class Metric(Protocol):
    """A metric in addition to the Fréchet distance.

    It is called once per score, with all samples of both sides, and with the same on every
    process. Samples and features are memory-mapped files: read them in blocks. The result must not
    depend on the order of the samples. Raise `DataError` if something is missing, and say what.
    `ganzoo.nn` has `Moments` and `frechet_distance`.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        """Return named numbers; no two metrics of a recipe may use one name."""


class Augmentation(Protocol):
    """A differentiable augmentation of everything that D sees.

    An adaptive one has ``observe(statistics)``. It is called after each update of D with
    ``real_logits_sign`` (a scalar tensor, the mean sign of D's real logits over all ranks) and
    ``samples`` (number of real samples in that update). State is tensors in ``state_dict``.
    """

    def __call__(self, x: Tensor, noise: Noise) -> Tensor: ...


class Latent(Protocol):
    """The distribution of z."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim) drawn from `generator`, on the generator's device."""


class Schedule(Protocol):
    """A number that changes during a run.

    The result multiplies the recipe's value, or replaces it if `absolute` is True.
    """

    absolute: bool

    def __call__(self, samples_seen: int) -> float: ...


# --- registration --------------------------------------------------------------------------------


@dataclass(frozen=True)
class RemoteFile:
    """A file for ``ganzoo fetch``: its name in the cache, its address, its sha256."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Registration:
    """A component as its plugin registers it, without an import."""

    kind: str
    namespace: str
    name: str
    target: str
    """``package.module:Factory``; for a recipe ``package:path/inside/it.yaml``."""
    distribution: str
    version: str
    revision: int = 1
    """Raised whenever the numbers change that it computes; shown with every score."""
    summary: str = ""
    """One line: as registered, else the first line of the target's docstring."""
    modalities: frozenset[str] = frozenset()
    """Supported modalities; empty: any."""
    capabilities: frozenset[str] = frozenset()
    """What it *can* do, as registered, else as its class says; an instance may do less."""
    paper: str | None = None
    license: str | None = None
    splits: tuple[str, ...] = ()
    """Data sets: names of the splits."""
    extractor: str | None = None
    """Data sets: the extractor that ``eval.extractor: auto`` means."""
    datasets: tuple[str, ...] = ()
    """Extractors: ids of the data sets that its weights were trained for."""
    files: tuple[RemoteFile, ...] = ()
    """Files that ``ganzoo fetch`` downloads into the cache."""

    @property
    def id(self) -> str:
        """The full id, ``namespace/name``; ganzoo's own modalities have no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Register(Protocol):
    """The callable that a hook receives. It is bound to the plugin and records the origin."""

    def __call__(
        self,
        name: str,
        target: str,
        *,
        revision: int = 1,
        summary: str = "",
        modalities: Iterable[str] = (),
        capabilities: Iterable[str] = (),
        paper: str | None = None,
        license: str | None = None,
        splits: Iterable[str] = (),
        extractor: str | None = None,
        datasets: Iterable[str] = (),
        files: Iterable[RemoteFile] = (),
    ) -> None:
        """Register one component under `name` (lower case letters, digits, ``-``).

        Leave `summary` and `capabilities` out where the target's class says them: the first line
        of its docstring, and a class attribute `capabilities` with literal words. Both are read
        from the source, without an import.
        """


def table(register: Register, package: str, **defaults: Any) -> Register:
    """Return a `register` for the components of one package.

    Targets are relative to `package` (a module's ``__name__``), and `defaults` are arguments of
    `register` for every component that does not set them itself::

        @hookimpl
        def register_losses(register):
            add = table(register, __name__, license="MIT")
            add("hinge", "hinge:Hinge", paper="arXiv:1705.02894")
    """

    def add(name: str, target: str, **facts: Any) -> None:
        register(name, f"{package}.{target}", **(defaults | facts))

    return add


class Hooks:
    """The hooks, one per kind of component. Implement the ones you need with `hookimpl`."""

    @hookspec
    def register_generators(self, register: Register) -> None:
        """``(spec, *, …)`` → nn.Module: ``forward(z, y=None)``, attribute `latent_dim`."""

    @hookspec
    def register_discriminators(self, register: Register) -> None:
        """``(spec, *, …)`` → nn.Module: ``forward(x, y=None)`` → logits or DiscriminatorOutput."""

    @hookspec
    def register_latents(self, register: Register) -> None:
        """``(dim, *, …)`` → `Latent`."""

    @hookspec
    def register_losses(self, register: Register) -> None:
        """``(*, …)`` → `Loss`."""

    @hookspec
    def register_regularizers(self, register: Register) -> None:
        """``(*, …)`` → `Regularizer`."""

    @hookspec
    def register_augmentations(self, register: Register) -> None:
        """``(spec, *, …)`` → `Augmentation`; `observe(statistics)` if it adapts."""

    @hookspec
    def register_datasets(self, register: Register) -> None:
        """``(split, *, …)`` → `Dataset`."""

    @hookspec
    def register_extractors(self, register: Register) -> None:
        """``(*, …)`` → `Extractor`."""

    @hookspec
    def register_metrics(self, register: Register) -> None:
        """``(*, …)`` → `Metric`: ``(real, fake)``, an `Evaluated` each, → named numbers."""

    @hookspec
    def register_optimizers(self, register: Register) -> None:
        """``(params, *, …)`` → torch.optim.Optimizer."""

    @hookspec
    def register_schedules(self, register: Register) -> None:
        """``(*, …)`` → `Schedule`."""

    @hookspec
    def register_callbacks(self, register: Register) -> None:
        """``(*, …)`` → an observer with any of started, stepped, scored, saved, finished."""

    @hookspec
    def register_modalities(self, register: Register) -> None:
        """``()`` → `Modality`: a kind of data, which a `SampleSpec` names by its id."""

    @hookspec
    def register_recipes(self, register: Register) -> None:
        """A packaged YAML recipe; the target is ``package:path/inside/it.yaml``."""


HOOKS: Mapping[str, str] = {
    "generator": "register_generators",
    "discriminator": "register_discriminators",
    "latent": "register_latents",
    "loss": "register_losses",
    "regularizer": "register_regularizers",
    "augmentation": "register_augmentations",
    "dataset": "register_datasets",
    "extractor": "register_extractors",
    "metric": "register_metrics",
    "optimizer": "register_optimizers",
    "schedule": "register_schedules",
    "callback": "register_callbacks",
    "modality": "register_modalities",
    "recipe": "register_recipes",
}
"""Kind of component → name of its hook."""


def cache_directory() -> Path:
    """Return where fetched files and reference statistics live, made or not.

    ``GANZOO_CACHE`` if set, else ``ganzoo`` under ``XDG_CACHE_HOME`` or ``~/.cache``.
    """
    if chosen := os.environ.get("GANZOO_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ganzoo"


__all__ = [
    "API_VERSION",
    "CAPABILITIES",
    "ENTRY_POINT_GROUP",
    "HOOKS",
    "MODALITIES",
    "Augmentation",
    "Column",
    "DataError",
    "Dataset",
    "DiscriminatorOutput",
    "Evaluated",
    "Extractor",
    "Fraction",
    "Game",
    "Ge",
    "GeneratorProbe",
    "Gt",
    "Hooks",
    "Latent",
    "Le",
    "Loss",
    "Lt",
    "Metric",
    "Modality",
    "Noise",
    "NonNegativeFloat",
    "NonNegativeInt",
    "PluginError",
    "PositiveFloat",
    "PositiveInt",
    "Register",
    "Registration",
    "Regularizer",
    "RemoteFile",
    "SampleSpec",
    "Schedule",
    "Terms",
    "cache_directory",
    "hookimpl",
    "table",
    "write_npz",
]
