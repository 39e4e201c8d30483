"""Runs from Python: `ganzoo.run`, `ganzoo.resume`, `ganzoo.load`, `ganzoo.score`, and `Run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Dataset, SampleSpec
from ganzoo.components.build import make
from ganzoo.components.plan import Plan
from ganzoo.components.planner import is_sampled, make_plan, plan_some
from ganzoo.errors import CheckpointError, DataError, GanzooError, PluginError, UsageError
from ganzoo.modalities.where import clauses
from ganzoo.modalities.where import conditions as conditions_of
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.lock import data_paths
from ganzoo.registry.names import guess
from ganzoo.registry.registry import Registry
from ganzoo.runs import html
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import require_run
from ganzoo.runs.references import DEFAULT_DIRECTORY, command, reference_to
from ganzoo.runs.samples import ConditionCounts, InputCounts, last_preview, read_sample_spec
from ganzoo.runs.score import Score
from ganzoo.sampling.export import FORMS, description, export_program, export_weights
from ganzoo.sampling.files import read_conditions
from ganzoo.sampling.sampler import (
    ConditionSampler,
    LabelSampler,
    Sampler,
    condition_counts,
    label_counts,
)
from ganzoo.sampling.settings import SamplingSettings
from ganzoo.training.arguments import (
    class_labels,
    only_evaluation,
    options_of,
    sampling_overrides,
    stored_conditions,
    whole_number,
)
from ganzoo.training.checkpointing import newest_whole
from ganzoo.training.continuity import fingerprint_of, require_same_data, where_data_moved
from ganzoo.training.launch import prepare, train_run
from ganzoo.training.launch import resume as resume_directory
from ganzoo.training.processes import find_processes
from ganzoo.training.run_files import lock_of, recipe_of, registry_of
from ganzoo.training.sampled import sampler_of, sampling_record
from ganzoo.training.scorer import Scorer

Overrides = Sequence[str] | Mapping[str, Any]

SHOWN_SCORES = 5
"""Newest scores of a run that a notebook shows."""

WHERE_DRAWS = 1000
"""`Run.sample_where` draws at most this many rows for each that is asked for,"""
WHERE_FEW = 100_000
"""and stops after this many if fewer than one in `WHERE_DRAWS` of them is as asked."""


class Run:
    """A run on disk: its scores, and its generator for sampling, export and further scores."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    def __repr__(self) -> str:
        return f"<Run {self.name} ({self.status})>"

    def _repr_html_(self) -> str:
        about = [("run", self.name), ("status", self.status), ("directory", str(self.path))]
        rows = [[text for _, text in each.facts()[:3]] for each in self.scores[-SHOWN_SCORES:]]
        scores = html.table(rows, ("score", "protocol", "step")) if rows else ""
        newest = last_preview(self.directory)
        picture = html.picture(newest[0], f"samples, {newest[0].stem}") if newest else ""
        return html.table(about) + scores + picture

    @property
    def path(self) -> Path:
        """The run's directory."""
        return self.directory.path

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.directory.name

    @property
    def status(self) -> str:
        """``running``, ``finished``, ``failed`` or ``interrupted``."""
        return self.directory.status()

    @property
    def scores(self) -> list[Score]:
        """All recorded scores, oldest first."""
        return self.directory.scores()

    @cached_property
    def _registry(self) -> Registry:
        return registry_of(self.directory)

    @cached_property
    def _recipe(self) -> Recipe:
        return recipe_of(self.directory, (), self._registry)

    @cached_property
    def plan(self) -> Plan:
        """The checked recipe, from the run's lock. Needs the data set; sampling does not."""
        return make_plan(self._recipe, self._registry)

    @cached_property
    def spec(self) -> SampleSpec:
        """What one sample is."""
        return self._sampled[0]

    @cached_property
    def _sampled(self) -> tuple[SampleSpec, InputCounts]:
        """What one sample is, and how often each class or condition is drawn."""
        _ = self._registry  # a --plugin file may bring the modality
        if found := read_sample_spec(self.directory):
            return found
        labels, dataset = self._recipe.settings.labels, self.plan.dataset
        classes = self._recipe.settings.conditional and self.plan.spec.classes
        if self._recipe.settings.conditional and self.plan.spec.condition:
            return self.plan.spec, condition_counts(dataset)
        return self.plan.spec, label_counts(labels, dataset) if classes else None

    @property
    def generator(self) -> nn.Module:
        """The final generator (its average, if there is one), in eval mode, on the CPU.

        One with `prepare_sampling` is prepared. `sampler` passes the noise that `forward` takes.
        """
        return self.sampler().generator

    def checkpoint(self, which: str | int = "final") -> Checkpoint:
        """Return a verified checkpoint.

        Args:
            which: ``final`` (the newest), ``best``, or a step.

        Raises:
            UsageError: `which` is none of the three.
            CheckpointError: there is none, or it is damaged.
        """
        store = CheckpointStore(self.directory.checkpoints_directory)
        if which == "final":
            return newest_whole(store)
        if which == "best":
            return store.at(self._best_step())
        return store.at(whole_number(which, "a checkpoint other than final and best", least=0))

    def _best_step(self) -> int:
        scores = self.scores
        if steps := [score.step for score in scores if score.selected == "best"]:
            return steps[-1]
        during = [score for score in scores if score.selected == "during"]
        if not during:
            raise CheckpointError(
                f"{self.name} was never scored while it trained, so no checkpoint is its best",
                hint="--checkpoint final",
            )
        comparable = [score for score in during if score.protocol == during[-1].protocol]
        return min(comparable, key=lambda score: score.value).step

    def sampler(
        self,
        checkpoint: str | int = "final",
        device: torch.device | str = "cpu",
        parameters: Overrides = (),
    ) -> Sampler:
        """Return a sampler over a checkpoint's generator, on a device.

        Args:
            parameters: the generator's sampling parameters, ``{"truncation": 0.7}`` or
                ``["truncation=0.7"]``; others are as in ``eval.sampling`` of the recipe.

        Raises:
            UsageError: a sampling parameter that the generator does not have, or a wrong value.
            CheckpointError: there is no such checkpoint, or it is damaged.
        """
        recipe = self._recipe
        if parameters:
            recipe = recipe_of(self.directory, sampling_overrides(parameters), self._registry)
        return self._sampler(self.checkpoint(checkpoint), torch.device(device), recipe)[0]

    def _sampler(
        self, checkpoint: Checkpoint, device: torch.device, recipe: Recipe
    ) -> tuple[Sampler, SamplingSettings]:
        spec, counts = self._sampled
        parts = plan_some(recipe, self._registry, is_sampled)
        labels: LabelSampler | ConditionSampler | None = None
        if recipe.settings.conditional and spec.condition:
            known = counts if isinstance(counts, ConditionCounts) else None
            labels = ConditionSampler(partial(self._reference, recipe), known)
        elif isinstance(counts, list):
            labels = LabelSampler.by_counts(counts)
        return sampler_of(checkpoint, recipe, parts, spec, labels, device)

    def _reference(self, recipe: Recipe) -> Dataset:
        """Return the data that samples get their conditions from."""
        slot, split = ("dataset",), recipe.settings.eval.reference
        try:
            made: Dataset = make(plan_some(recipe, self._registry, slot.__eq__)[slot], split)
        except GanzooError as error:
            raise DataError(
                f"{self.name} takes its conditions from its data, and {error.message}",
                hint=self._command("--condition", "PATH"),
            ) from error
        return made

    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Sequence[int] | int | None = None,
        conditions: Tensor | None = None,
        parameters: Overrides = (),
        checkpoint: str | int = "final",
    ) -> Tensor:
        """Return samples in stored form: images uint8 (count, C, H, W).

        Sample i depends on (seed, i) alone, so more samples begin with the same ones. Samples of a
        generator that draws numbers by itself (``internal-noise``) depend on the rest of their
        batch of 256 too.

        Args:
            count: at least 1.
            labels: for a conditional run the class of each sample, or one class for all, from 0.
            conditions: for a run whose data has a condition: conditions to use in turn, in stored
                form (K, *condition.shape). None: those of the reference split, in random order.
            parameters: as for `sampler`.

        Raises:
            UsageError: a count or a seed out of range, or labels, conditions or sampling parameters
                that the run does not have.
            DataError: the data is not there, and no conditions are given.
            CheckpointError: there is no such checkpoint, or it is damaged.
        """
        count = whole_number(count, "the number of samples", least=1)
        seed = whole_number(seed, "the seed", least=0)
        asked = None
        if labels is not None:
            self.require("labels")
            asked = class_labels(labels, count, self.spec.classes)
        if conditions is not None:
            self.require("conditions")
            asked = stored_conditions(conditions, self.spec)
        sampler = self.sampler(checkpoint, parameters=parameters)
        return sampler.sample(count, seed=seed, labels=asked)

    def sample_where(
        self,
        count: int,
        where: Sequence[str],
        *,
        seed: int = 0,
        parameters: Overrides = (),
        checkpoint: str | int = "final",
    ) -> Tensor:
        """Return `count` rows of a table for which every word of `where` holds, in stored form.

        Where the generator can be asked for a category it is; rows that do not hold are left out.
        The result depends on the seed alone, and more rows begin with the same ones.

        Args:
            where: ``COLUMN=VALUE``, or with ``!=``, ``<``, ``<=``, ``>``, ``>=``.

        Raises:
            UsageError: a word that cannot be understood, or rows that the generator hardly makes.
        """
        asked = clauses(where, self.spec)
        given = conditions_of(asked, self.spec) if self._recipe.settings.conditional else None
        sampler = self.sampler(checkpoint, parameters=parameters)
        drawn = count
        while True:
            rows = sampler.sample(drawn, seed=seed, labels=given)
            for clause in asked:
                rows = rows[clause.holds(rows)]
            if len(rows) >= count:
                return rows[:count]
            hopeless = drawn >= WHERE_FEW and len(rows) * WHERE_DRAWS < drawn
            if hopeless or drawn >= WHERE_DRAWS * count:
                raise UsageError(
                    f"{len(rows)} of {drawn} rows are as asked: {self.name} hardly makes such rows",
                    hint="ask for less, or train on data that has more of them",
                )
            drawn = min(2 * drawn, WHERE_DRAWS * count)

    def read_conditions(self, path: str | Path) -> Tensor:
        """Return the conditions in a file, a folder or an npz, in stored form (K, *shape).

        Raises:
            UsageError: the run takes no conditions.
            DataError: they cannot be read, or are of another form.
        """
        self.require("conditions")
        assert self.spec.condition is not None
        return read_conditions(Path(path), self.spec.condition, self._registry)

    def require(self, what: str) -> None:
        """Raise UsageError unless the run takes ``labels``, or ``conditions``."""
        if not self._recipe.settings.conditional:
            raise UsageError(
                f"{self.name} is not conditional: it takes no {what}",
                hint=command("run", self._recipe.name, "conditional=true"),
            )
        condition = self.spec.condition
        if condition and what == "labels":
            raise UsageError(
                f"{self.name} takes conditions ({condition}), not labels",
                hint=self._command("--condition", "PATH"),
            )
        if not condition and what == "conditions":
            raise UsageError(
                f"{self.name} takes labels from 0 to {self.spec.classes - 1}, not conditions",
                hint=self._command("--label", "0"),
            )

    def _command(self, *words: str) -> str:
        return command("sample", reference_to(self.path), *words)

    def export(
        self,
        form: str = "safetensors",
        *,
        checkpoint: str | int = "final",
        to: str | Path | None = None,
    ) -> list[Path]:
        """Write the generator to files for other tools; return their paths.

        Args:
            form: ``safetensors`` (weights and their description in JSON), or ``program`` (a
                `torch.export` program that needs no ganzoo). A program has the sampling parameters
                of ``eval.sampling``, and draws the noise inside the generator from torch's default
                generator when it runs. A latent that learns is written beside the generator.
            to: a directory; the run's ``export/`` if None.

        Raises:
            UsageError: an unknown form, or a directory that cannot be written.
            PluginError: `torch.export` cannot follow the generator's code; names the line.
            CheckpointError: there is no such checkpoint, or it is damaged.
        """
        if form not in FORMS:
            near = guess(str(form), FORMS)
            raise UsageError(
                f"a generator is exported as {' or '.join(FORMS)}, not {form!r}{near}",
                hint="ganzoo export --help",
            )
        chosen = self.checkpoint(checkpoint)
        sampler, sampling = self._sampler(chosen, torch.device("cpu"), self._recipe)
        directory = Path(to) if to else self.directory.export_directory
        if form == "program":
            try:
                return export_program(sampler, directory)
            except PluginError as error:
                error.hint = command("export", reference_to(self.path), "--format", "safetensors")
                raise
        lock = lock_of(self.directory)
        about = description(lock, chosen, sampler, sampling.recorded) | {
            "run": self.name,
            "scores": [score.to_dict() for score in self.scores[-2:]],
        }
        return export_weights(sampler, about, directory)

    def evaluation(self) -> dict[str, Any]:
        """Return this run's evaluation protocol, as overrides for another run."""
        evaluation = lock_of(self.directory)["eval"]
        names = ("final_samples", "extractor", "reference", "metrics", "seed")
        return {f"eval.{name}": evaluation[name] for name in names}

    def score(
        self,
        *,
        checkpoint: str | int = "final",
        overrides: Overrides = (),
        expect_processes: int | None = None,
    ) -> Score:
        """Score a checkpoint, and append the score to the run's records.

        Args:
            overrides: of ``eval`` (``eval.final_samples=10000``), or the path of data that has
                moved. `evaluation` of another run returns that run's protocol.

        Raises:
            UsageError: an override of another section, or a run without an extractor.
            DataError: the data is missing, or is not that which the run was trained on.
            CheckpointError: there is no such checkpoint, or it is damaged.
        """
        paths = data_paths(lock_of(self.directory))
        only_evaluation(reference_to(self.path), overrides, paths)
        registry = registry_of(self.directory)
        with where_data_moved("score", self.directory, overrides):
            plan = make_plan(recipe_of(self.directory, overrides, registry), registry)
        if path := next(iter(paths), None):
            hint = command("score", reference_to(self.path), f"{path}=FOLDER")
            hint += "   # the data that it was trained on"
        require_same_data(self.directory, fingerprint_of(plan), hint if path else None)
        processes = find_processes(expect_processes)
        chosen = self.checkpoint(checkpoint)
        settings = plan.recipe.settings
        sampler, sampling = self._sampler(chosen, processes.device, plan.recipe)
        about = (settings, sampling, chosen.step, chosen.manifest["samples_seen"])
        # `final` and `best` are the scores that a run makes itself.
        record = sampling_record(*about, selected="asked", checkpoint=chosen)
        score = Scorer.of(plan, processes).score_generator(
            sampler, plan.budget.final_samples, record
        )
        if processes.is_main:
            self.directory.append_score(score)
        return score


def run(
    recipe: str | Path | Recipe,
    overrides: Overrides = (),
    *,
    plugin: str | Path | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> Run:
    """Check a recipe, train it in a new run directory, score it; return the run.

    Args:
        recipe: a file, the name of a recipe, or a loaded `Recipe`.
        overrides: ``{"train.steps": 500}`` or ``["train.steps=500"]``.
        plugin: a Python file whose components are named ``local/NAME``, as ``--plugin`` has it.
        registry: of the components, if it is loaded already.
        options: the fields of `ganzoo.training.launch.Options`, such as ``runs_directory``.

    Raises:
        UsageError: `recipe` is not a recipe, or an unknown option.
        RecipeError, PluginError, DataError: every problem found; nothing is trained.
        GanzooError: what ended the training; see `ganzoo.errors`.
    """
    chosen = options_of(options)
    if plugin is not None:
        registry = Registry.with_local(Path(plugin))
    code = {"allow_drift": chosen.allow_drift, "strict_code": chosen.strict_code}
    plan = prepare(recipe, overrides, registry, **code)
    return Run(train_run(plan, chosen))


def resume(
    reference: str | Path = "last",
    overrides: Overrides = (),
    *,
    plugin: str | Path | None = None,
    **options: Any,
) -> Run:
    """Resume a run from its newest whole checkpoint and train it to its end; return it.

    Args:
        reference: as for `load`.
        overrides: of budget and cadence, such as ``{"train.steps": 5000}``, of the path of data
            that has moved, or with fewer metrics.
        plugin: a repaired version of the file that the run was started with.
        options: the fields of `ganzoo.training.launch.Options`.

    Raises:
        UsageError: there is no such run, an unknown option, or an override of anything else.
        PluginError: the components are not those that the run was started with.
        GanzooError: what ended the training; see `ganzoo.errors`.
    """
    chosen = options_of(options)
    directory = _find(reference, chosen.runs_directory)
    registry = Registry.with_local(Path(plugin)) if plugin is not None else None
    resume_directory(directory, overrides, chosen, registry)
    return Run(directory)


def score(
    reference: str | Path = "last",
    overrides: Overrides = (),
    *,
    checkpoint: str | int = "final",
    runs_directory: str | Path = DEFAULT_DIRECTORY,
) -> Score:
    """Score a checkpoint of a run, and append the score to its records; see `Run.score`.

    Args:
        reference: as for `load`.
        overrides: of ``eval`` only, such as ``{"eval.final_samples": 10000}``.
        checkpoint: ``final``, ``best``, or a step.

    Raises:
        UsageError: there is no such run, or an override of anything but ``eval``.
        CheckpointError: there is no such checkpoint, or it is damaged.
    """
    return load(reference, runs_directory).score(checkpoint=checkpoint, overrides=overrides)


def load(reference: str | Path = "last", runs_directory: str | Path = DEFAULT_DIRECTORY) -> Run:
    """Return a run.

    Args:
        reference: its path, the beginning of its name, or ``last``.

    Raises:
        UsageError: there is no such run, there are several, or it holds external samples.
        DataError: its record is damaged.
    """
    return Run(_find(reference, Path(runs_directory)))


def _find(reference: str | Path, runs_directory: Path) -> RunDirectory:
    if not isinstance(reference, str | Path):
        raise UsageError(
            "a run is a path, the beginning of its name, or 'last', not "
            f"{type(reference).__name__}",
            hint='ganzoo.load("last")',
        )
    directory = RunDirectory.find(reference, runs_directory)
    require_run(directory)
    return directory
