"""The public API for plugins: hooks, `SampleSpec`, `Game` and their types. Imports no torch.

A plugin is a distribution with one entry point in the group ``ganzoo.v1``. The entry point's name
is the plugin's namespace; the module that it names implements hooks of `Hooks`. A hook registers
import strings and metadata, never classes::

    @hookimpl
    def register_losses(register):
        register("hinge", "ganzoo_acme.losses:Hinge", revision=1, paper="arXiv:1705.02894")

A target is a factory (class or function). The engine passes its own arguments by position and the
recipe's parameters by keyword: a target's annotated keyword-only arguments are its parameters.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol, TypeAlias

import pluggy
from annotated_types import Ge, Gt, Le, Lt

from ganzoo.errors import DataError, PluginError
from ganzoo.modalities import MODALITIES, Column, Modality, SampleSpec, write_npz
from ganzoo.untrusted import (
    DAMAGE,
    MAX_PICTURE_PIXELS,
    open_zip,
    parse_json,
    read_member,
    read_regular,
    require_harmless,
    require_readable,
)

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
    "conditional": "uses labels: a network its y, a loss or regularizer those of the game",
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
    "styles": "G has styles(z, y) and from_styles(w, *, noise=None)",
    "score-function": "G's samples carry no gradient; G has log_prob(x, z, y)",
    "frozen-parameters": "some parameters are never trained",
    "augmentation-aware": "D's forward takes what the augmentation returned beside x, as `extra`",
}
"""The closed vocabulary of capability words; a plugin may add its own as ``acme/word``."""


# --- the game ------------------------------------------------------------------------------------


class DiscriminatorOutput(NamedTuple):
    """The output of D for a batch.

    `logits`: (B,), or (B, K) for K logits per sample (patches, scales); larger is more real.
    `features`: intermediate activations, first axis B. `class_logits`: (B, classes).
    `extra`: other outputs by name, first axis B. A D with `batch_multiple` m may have B/m rows
    where B is written here.
    """

    logits: Tensor
    features: tuple[Tensor, ...] = ()
    class_logits: Tensor | None = None
    extra: Mapping[str, Tensor] = {}


Terms = Mapping[str, "Tensor"]
"""Named scalar terms of one player's loss. The engine sums, logs and checks them by name."""

Extra: TypeAlias = "Tensor | Mapping[str, Tensor]"
"""What an augmentation returns beside x: a tensor or tensors by name, first axis B."""


class Noise(Protocol):
    """Random numbers for one batch; each row depends on the global index of its sample.

    A name gives the same numbers for any number of processes and micro-batches, and the same ones
    each time it is used within a batch: use another name for other numbers.
    """

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B, *shape) in [0, 1)."""

    def normal(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B, *shape), standard normal."""


class SamplingInputs(NamedTuple):
    """Inputs of G for one batch, as ``prepare_sampling(draw)`` gets them from ``draw(count)``.

    `z`: (count, latent_dim) float32, by the latent law. `y`: the labels or conditions, by the
    recipe's law, or None. `noise`: for a G whose `forward` takes it.
    """

    z: Tensor
    y: Tensor | None
    noise: Noise


class Game(Noise, Protocol):
    """One update of one player, in the terms of the papers. The engine runs the forward passes.

    In the discriminator's update `fake` has no graph (unless a component declares
    ``generator-graph``). In the generator's update D's parameters are frozen and `fake` has the
    graph of G. All samples are in model form. Each property is computed once, at first use.

    B is the number of rows of this process's batch or, with `train.micro_batch`, of one
    micro-batch. `uniform` and `normal` have B rows.
    """

    player: str
    """The player that is updated: ``discriminator`` or ``generator``."""
    spec: SampleSpec
    """What one sample of the data is."""
    real: Tensor
    """(B, *model_shape); every update has another real batch."""
    labels: Tensor | None
    """(B,) int64, or None when the recipe is not conditional.

    For data with `spec.condition` it is the condition in model form, (B, *condition.model_shape).
    """
    latents: Tensor
    """(B, latent_dim) float32."""
    fake_labels: Tensor | None
    """(B,) int64, or None when the recipe is not conditional.

    For data with `spec.condition` it is the condition of each row of the real batch, so that
    `fake` and `real` are pairs.
    """
    step: int
    """Number of training steps before the current one."""
    samples_seen: int
    """Real samples in D's updates before this one, over all ranks; in G's updates if D is never
    trained."""
    generator_module: nn.Module
    """G, for weight penalties and `styles(z, y)`. Call `generate` to make samples."""
    discriminator_module: nn.Module
    """D, for weight penalties. Call `discriminate` instead of this module."""

    latent_module: nn.Module | None
    """The latent, for penalties on what it learns; None if it is not a module."""

    @property
    def rows(self) -> Tensor:
        """Indices of this process's rows among all: ``gather(t)[rows]`` is t. int64 (B,)."""

    @property
    def fake(self) -> Tensor:
        """G(latents, fake_labels), (B, *model_shape).

        Noise inside G is the same in a game with other `latents`.
        """

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
        """Return G(z, y), with new noise inside G at each call."""

    def latent(self, name: str) -> Tensor:
        """Return other latents from the recipe's latent distribution, (B, latent_dim) float32.

        The same name returns the same numbers within an update. If the latent has parameters, the
        result carries their graph in the generator's update, as `latents` does.
        """

    def input_gradient(
        self, x: Tensor, y: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        """Return D's output on x and d(sum of its logits)/dx, shaped like x, differentiable.

        For `real` and `fake`, return the output that the loss uses, without a second pass.
        """

    def mean(self, t: Tensor) -> Tensor:
        """Return the mean of t over all ranks, differentiable."""

    def gather(self, t: Tensor) -> Tensor:
        """Return the rows of t from all ranks, differentiable, for losses that contrast samples."""

    def replace(self, **fields: Any) -> Game:
        """Return this game with other fields; what depends on them is computed again.

        Fields: `real`, `labels`, `fake`, `latents`, `fake_labels`, `real_output`, `fake_output`.
        Other `latents` or `fake_labels` give another `fake`. D's output for a replaced field is
        computed again, unless `real_output` or `fake_output` is passed too (top-k passes rows of
        the existing output).
        """


class Loss(Protocol):
    """A loss: what each player minimises.

    Optional: ``after_step(game)``, called after each update, and `requires`, the capabilities that
    it needs of other components by role, such as ``{"discriminator": {"class-logits"},
    "generator": {"styles"}, "latent": {"acme/code"}}``. A plain set means the discriminator.
    """

    def discriminator(self, game: Game) -> Terms: ...

    def generator(self, game: Game) -> Terms: ...


class Regularizer(Protocol):
    """One or both methods of a loss, or one of those below; optionally `requires`, as in `Loss`."""

    def prepare(self, game: Game) -> Game:
        """Return the game that the loss gets (top-k, latent optimisation, APA)."""

    def after_step(self, game: Game) -> None:
        """Act on the modules after the player's update (weight clipping)."""


SourceFile: TypeAlias = Path | zipfile.Path
"""A file, or a file in a zip, that samples of a data set are made from."""


class Dataset(Protocol):
    """A map-style data set in stored form. The constructor lists files and reads headers only.

    An item is a sample and its label, an int or None; with `spec.condition` it is a sample and
    its condition in the condition's stored form.

    Optional: ``labels``, a list or int64 (N,), saves reading all samples for their labels;
    ``__getitems__(indices) -> list of items`` reads several items together, as PyTorch's loader
    asks for them; ``tensors() -> (samples, labels or None)`` returns all data if it fits in memory
    (conditions in place of labels); ``check() -> list[str]`` decodes all data and names what
    cannot be read; ``source_files() -> {name: SourceFile}`` names every file that the samples
    depend on, by a name that is the same where the data has moved;
    ``draw(noise, n) -> (indices, conditions or None)`` chooses the n rows of a real batch, int64
    (n,), in place of the epoch's order, and their conditions in stored form (n, *condition.shape),
    in place of the rows' own. Its `noise` is a `Noise` of these n rows: row i of the result depends
    only on row i of the noise. If ``mirror`` is True, the engine mirrors
    half of the samples, each together with its condition if that can be mirrored.

    A run is resumed and scored only with the data that it was trained on. That data is identified
    by the contents of its `source_files`; if there are none (``{}``), the samples depend on nothing
    but the revision and the parameters. Without that method the samples are hashed at every start:
    all of them, or 1,000 of data that is streamed.

    A class that reads files of people's own has a static method ``new_recipe(own: OwnData) ->
    OwnRecipe``, for ``ganzoo new recipe --data``; where its suffixes are those of pictures,
    ``recognises(folder: Path) -> bool`` says whether a folder is its own.
    """

    spec: SampleSpec

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor | None]: ...


class OwnData(NamedTuple):
    """Files of somebody's own, for which ``ganzoo new recipe`` asks their data set for a recipe."""

    data: Path
    """The file or folder, absolute."""
    path: str
    """The same as the recipe is to write it, before `yaml`."""
    size: int | None
    """Height and width in pixels, if ``--size`` was given."""
    yaml: Callable[[Any], str]
    """Writes a value on one line of YAML: quotes where it must."""


class OwnRecipe(NamedTuple):
    """A recipe for files of somebody's own."""

    about: Sequence[str]
    """Lines about the data, for the comment at the head."""
    body: str
    """The YAML after ``name``, with comments that say why."""
    samples: str = "new.npz"
    """A file for ``ganzoo sample last --out``, in the format of the data."""
    choice: str = ""
    """The method that was chosen and why, in one line for the terminal."""


class Extractor(Protocol):
    """A feature extractor for the Fréchet distance and other metrics.

    It is called with float32 (B, *input_shape). Images are in [0, 255], resized and with adapted
    channels. If `input_shape` is None, samples have their stored values and shape, in float32; with
    ``model_form = True`` they have the form that networks see.
    Optional: ``class_logits(features) -> (B, K)``, and ``spatial_features(x) -> (B, S)``: float32
    activations of an inner layer at every place of a grid, flattened, of few channels.
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
    """(N, *shape) in stored form on the CPU. Real ones are decoded into a temporary file at first
    access, which takes time and disk space."""
    labels: Tensor | None = None
    """(N,) int64: the labels of the data, or those given to G. For data with a condition: the
    conditions in stored form, (N, *condition.shape)."""
    class_logits: Tensor | None = None
    """(N, K), if the extractor has a classifier."""
    splits: Mapping[str, Evaluated] = field(default_factory=dict)
    """For the real side: the splits of its data set by name. A split is read and its features are
    computed at first access, which raises `DataError` if there is no such split."""
    generator: GeneratorProbe | None = None
    """For the generated side: the generator; None for samples from a file."""
    hashes: Tensor | None = None
    """For the real side: (N,) int64, a hash of each sample's content, to choose samples whatever
    their order; None: not known."""
    extraction: ExtractorProbe | None = None
    """The extractor, for metrics that need features of other samples or of another layer."""

    def held_out(self, compared: Evaluated | None = None) -> Evaluated | None:
        """Return the split ``test`` of a real side; its value stands beside that of G.

        None if the split is missing or empty, or is `compared` itself (by default this side), as
        with ``eval.reference: test``.
        """
        test = self.splits.get("test")
        compared = self if compared is None else compared
        return None if test is None or test is compared or not len(test.samples) else test


class ExtractorProbe(Protocol):
    """The extractor of a score, applied to samples in stored form as it was for the score."""

    @property
    def spec(self) -> SampleSpec:
        """What a sample is, such as the columns of a table."""

    def features(self, samples: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield features, float32 (at most some hundred, D) on the CPU, of batches of samples."""

    def spatial(self) -> ExtractorProbe:
        """Return the same for the extractor's ``spatial_features``.

        Raises:
            DataError: it has none.
        """


class GeneratorProbe(Protocol):
    """A trained generator in eval mode, for metrics that need more samples from it."""

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
        """Return latents (count, latent_dim) as the recipe draws them, and labels.

        Labels are int64 (count,), conditions in stored form (count, *condition.shape), or None for
        an unconditional recipe. A larger count begins with the same rows.
        """

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Return the extractor's features of G(latents, labels), float32 (B, D) on the CPU.

        The samples are clamped to the range of the stored form but not rounded, so that features
        change smoothly with the latents. Noise inside G is fixed: row i has the same in every call.
        """

    def log_prob(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return log p(x) in nats of samples in stored form (N, *shape), float32 (N,) on the CPU.

        Of a G whose likelihood depends on z, it is that given latents drawn for each sample.

        Raises:
            DataError: G has no ``log_prob``.
        """


class Metric(Protocol):
    """A metric in addition to the Fréchet distance.

    It is called once per score, with all samples of both sides; the inputs are the same on every
    process. Samples, features, logits and conditions are memory-mapped files, which may be larger
    than the memory: read them in blocks. `ganzoo.nn.RowsOnDisk` holds more. The result must not
    depend on the order of the samples. Raise a `DataError` that names what is missing.
    `ganzoo.nn` has `Moments` and `frechet_distance`.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        """Return named numbers; no two metrics of a recipe may use one name."""


class Augmentation(Protocol):
    """A differentiable augmentation of every input of D.

    It returns the augmented x, or (x, extra). `extra` is for a D that declares
    ``augmentation-aware``: a tensor or a mapping of tensors, first axis B, in the same form at each
    call (a time step, the drawn transformations). No gradient flows through `extra`.

    An adaptive augmentation has ``observe(statistics)``, which is called after each update of D
    with ``real_logits_sign`` and ``fake_logits_sign`` (scalar tensors, the mean sign of D's logits
    on each side over all ranks) and ``samples`` (number of real samples in that update). The second
    is missing if D was not run on generated samples. State is tensors in ``state_dict``.
    """

    def __call__(self, x: Tensor, noise: Noise) -> Tensor | tuple[Tensor, Extra]: ...


class Latent(Protocol):
    """The distribution of z.

    It may be an `nn.Module`: G's optimizer then trains its parameters, under the name
    ``latent.NAME``, and they are averaged, saved, sampled and exported with G.
    """

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim) drawn from `generator`, which is on the CPU.

        The result is on the CPU, or on the device of the latent's own parameters with their graph.
        """


class Schedule(Protocol):
    """A number that changes during a run.

    The result multiplies the recipe's value, or replaces it if `absolute` is True.
    """

    absolute: bool

    def __call__(self, samples_seen: int) -> float: ...


# --- registration --------------------------------------------------------------------------------


@dataclass(frozen=True)
class RemoteFile:
    """A file for ``ganzoo fetch``: its name in the cache, its address, its sha256, its size."""

    name: str
    url: str
    sha256: str
    size: int | None = None
    """Bytes, if known; a download never gets larger. None: 16 GiB at most."""


@dataclass(frozen=True)
class Registration:
    """A component as its plugin registers it; nothing is imported."""

    kind: str
    namespace: str
    name: str
    target: str
    """``package.module:Factory``; for a recipe ``package:path/inside/it.yaml``."""
    distribution: str
    version: str
    revision: int = 1
    """Increase it whenever the numbers that it computes change; shown with every score."""
    summary: str = ""
    """One line: as registered, else the first line of the target's docstring."""
    modalities: frozenset[str] = frozenset()
    """Supported modalities; empty: any."""
    capabilities: frozenset[str] = frozenset()
    """The capabilities as registered, else as its class declares; an instance may have fewer."""
    paper: str | None = None
    license: str | None = None
    splits: tuple[str, ...] = ()
    """Data sets: names of the splits."""
    extractor: str | None = None
    """Data sets: the extractor that ``eval.extractor: auto`` selects."""
    datasets: tuple[str, ...] = ()
    """Extractors: ids of the data sets that its weights were trained for."""
    suffixes: tuple[str, ...] = ()
    """Data sets: suffixes of files of people's own for which ``ganzoo new recipe --data`` chooses
    it."""
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
        suffixes: Iterable[str] = (),
        files: Iterable[RemoteFile] = (),
    ) -> None:
        """Register one component under `name` (lower case letters, digits, ``-``).

        Leave out `summary` and `capabilities` if the target's class has them: the first line of
        its docstring, and a class attribute `capabilities` with literal words. Both are read from
        the source, without an import.
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
        """``(spec, *, …)`` → nn.Module: ``forward(z, y=None)``, attribute `latent_dim`.

        ``forward(z, y=None, *, noise)`` gets a `Noise` of the batch, so a sample with noise inside
        is still a function of the seed and its index. Other annotated keyword-only arguments of
        `forward`, with defaults, are sampling parameters (a truncation, a temperature): recipes
        and ``ganzoo sample --set`` set them at sampling; training uses the defaults.

        Optional: ``prepare_sampling(draw)`` is called once on the copy of G that is sampled, in
        eval mode and without gradients; each ``draw(count)`` returns the next `SamplingInputs` of
        a fixed stream. In G's moving average, parameters and batch norm's running statistics are
        averaged and other buffers are copied; `averaged` and `copied`, tuples of name patterns of
        parameters and buffers, change that.
        """

    @hookspec
    def register_discriminators(self, register: Register) -> None:
        """``(spec, *, …)`` → nn.Module: ``forward(x, y=None)`` → logits or DiscriminatorOutput.

        With the capability ``augmentation-aware``, ``forward(x, y=None, *, extra)`` gets what the
        augmentation returned beside x, or None where x is not augmented. The number of rows of
        every batch is a multiple of the int attribute `batch_multiple`, if there is one.
        """

    @hookspec
    def register_latents(self, register: Register) -> None:
        """``(dim, *, …)`` → `Latent`: ``sample(n, generator)``; an nn.Module learns with G."""

    @hookspec
    def register_losses(self, register: Register) -> None:
        """``(*, …)`` → `Loss`; `requires`: the capabilities that it needs of others, by role."""

    @hookspec
    def register_regularizers(self, register: Register) -> None:
        """``(*, …)`` → `Regularizer`."""

    @hookspec
    def register_augmentations(self, register: Register) -> None:
        """``(spec, *, …)`` → `Augmentation`: ``(x, noise)`` → x or (x, extra); `observe` adapts."""

    @hookspec
    def register_datasets(self, register: Register) -> None:
        """``(split, *, …)`` → `Dataset`: `spec`, items, optional `tensors`, `check`, `draw`."""

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
        """``(*, …)`` → an object with started, stepped, scored, saved, pictured or finished."""

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
    """Return the folder of fetched files and reference statistics; it may not exist yet.

    ``GANZOO_CACHE`` if set, else ``ganzoo`` under ``XDG_CACHE_HOME`` or ``~/.cache``.
    """
    if chosen := os.environ.get("GANZOO_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ganzoo"


__all__ = [
    "API_VERSION",
    "CAPABILITIES",
    "DAMAGE",
    "ENTRY_POINT_GROUP",
    "HOOKS",
    "MAX_PICTURE_PIXELS",
    "MODALITIES",
    "Augmentation",
    "Column",
    "DataError",
    "Dataset",
    "DiscriminatorOutput",
    "Evaluated",
    "Extra",
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
    "OwnData",
    "OwnRecipe",
    "PluginError",
    "PositiveFloat",
    "PositiveInt",
    "Register",
    "Registration",
    "Regularizer",
    "RemoteFile",
    "SampleSpec",
    "SamplingInputs",
    "Schedule",
    "SourceFile",
    "Terms",
    "cache_directory",
    "hookimpl",
    "open_zip",
    "parse_json",
    "read_member",
    "read_regular",
    "require_harmless",
    "require_readable",
    "table",
    "write_npz",
]
