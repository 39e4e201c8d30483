"""Runs as Python sees them: `ganzoo.run`, `ganzoo.load`, `Run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.build.components import build
from ganzoo.build.plan import Plan
from ganzoo.build.planner import make_plan
from ganzoo.engine.export import export_program, export_weights
from ganzoo.engine.labels import LabelLaw
from ganzoo.engine.launch import Options, prepare, registry_of, start
from ganzoo.engine.launch import resume as go_on
from ganzoo.engine.noise import Rows
from ganzoo.engine.processes import find_processes
from ganzoo.engine.sampling import Sampler
from ganzoo.engine.scorer import Scorer
from ganzoo.engine.state import newest_whole, read_network
from ganzoo.errors import CheckpointError, UsageError
from ganzoo.recipes.overrides import override_keys
from ganzoo.recipes.recipe import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Sampling, Score

Overrides = Sequence[str] | Mapping[str, Any]


class Run:
    """A run directory: its scores, and its generator for sampling, export and more scores."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    def __repr__(self) -> str:
        return f"<Run {self.name} ({self.status})>"

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
        """Every score that was made of it, oldest first."""
        return self.directory.scores()

    @cached_property
    def plan(self) -> Plan:
        """The checked recipe, from the run's lock."""
        registry = registry_of(self.directory)
        return make_plan(Recipe.load(self.directory.lock_file, (), registry), registry)

    @property
    def generator(self) -> nn.Module:
        """The final generator (the average, if there is one), in eval mode, on the CPU."""
        return self.sampler().generator

    def checkpoint(self, which: str | int = "final") -> Checkpoint:
        """Return a verified checkpoint: ``final`` (the newest), ``best``, or that of a step.

        Raises:
            CheckpointError: there is none, or it is damaged.
        """
        store = CheckpointStore(self.directory.checkpoints_directory)
        if which == "final":
            return newest_whole(store)
        return store.at(self._best_step() if which == "best" else int(which))

    def _best_step(self) -> int:
        steps = [
            s.sampling.step for s in self.scores if s.sampling and s.sampling.selected == "best"
        ]
        if steps:
            return steps[-1]
        during = [s for s in self.scores if s.sampling and s.sampling.selected == "during"]
        if not during:
            raise CheckpointError(f"{self.name} has no score, so no best checkpoint")
        best = min(during, key=lambda score: score.value)
        assert best.sampling is not None
        return best.sampling.step

    def sampler(
        self, checkpoint: str | int = "final", device: torch.device | str = "cpu"
    ) -> Sampler:
        """Return the sampler of a checkpoint's generator."""
        return self._sampler(self.checkpoint(checkpoint), torch.device(device))

    def _sampler(self, checkpoint: Checkpoint, device: torch.device) -> Sampler:
        parts, settings = build(self.plan), self.plan.recipe.settings
        name = "ema" if settings.train.ema else "generator"
        read_network(parts.generator, checkpoint.file(f"{name}.safetensors"))
        law = LabelLaw.of(settings.labels, self.plan.dataset) if settings.conditional else None
        generator = parts.generator.eval().requires_grad_(False).to(device)
        return Sampler(generator, self.plan.spec, parts.latent, law, device)

    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Sequence[int] | int | None = None,
        checkpoint: str | int = "final",
    ) -> Tensor:
        """Return samples in stored form: images uint8 (count, C, H, W).

        Sample i depends on (seed, i) alone, so more samples begin with the same ones.

        Args:
            labels: the class of each sample, or of all, for a conditional run.

        Raises:
            UsageError: labels that the run does not have.
        """
        if count < 1:
            raise UsageError(f"{count} samples cannot be drawn")
        asked = self._labels(count, labels)
        return self.sampler(checkpoint).sample(count, seed=seed, labels=asked)

    def _labels(self, count: int, labels: Sequence[int] | int | None) -> Tensor | None:
        if labels is None:
            return None
        if not self.plan.recipe.settings.conditional:
            raise UsageError(f"{self.name} is not conditional: it takes no labels")
        asked = torch.as_tensor(labels, dtype=torch.int64).expand(count).clone()
        classes = self.plan.spec.classes
        if int(asked.min()) < 0 or int(asked.max()) >= classes:
            raise UsageError(f"labels go from 0 to {classes - 1}")
        return asked

    def export(
        self, form: str = "safetensors", *, checkpoint: str | int = "final", to: Path | None = None
    ) -> list[Path]:
        """Write the generator for use elsewhere; return the files.

        Args:
            form: ``safetensors`` (weights and their description in JSON), or ``program`` (a
                `torch.export` program that needs no ganzoo).
            to: a directory; the run's ``export/`` if None.
        """
        chosen = self.checkpoint(checkpoint)
        sampler = self._sampler(chosen, torch.device("cpu"))
        directory = to or self.directory.export_directory
        latents, labels = sampler.inputs(Rows(0, 2), seed=0)
        if form == "program":
            return export_program(sampler.generator, latents, labels, directory)
        return export_weights(sampler.generator, self._about(chosen, latents), directory)

    def _about(self, checkpoint: Checkpoint, latents: Tensor) -> dict[str, Any]:
        lock = self.plan.lock()
        spec = self.plan.spec
        return {
            "run": self.name,
            "step": checkpoint.step,
            "checkpoint_sha256": checkpoint.sha256,
            "generator": lock["generator"],
            "code": lock["lock"]["components"]["generator"],
            "spec": {"modality": spec.modality, "shape": spec.shape, "classes": spec.classes},
            "latent": {**lock["latent"], "dim": latents.shape[1]},
            "conditional": lock["conditional"],
            "scores": [score.to_dict() for score in self.scores[-2:]],
        }

    def evaluation(self) -> dict[str, Any]:
        """Return how this run was evaluated, as overrides for another run."""
        evaluation = self.plan.lock()["eval"]
        names = ("final_samples", "extractor", "reference", "metrics", "seed")
        return {f"eval.{name}": evaluation[name] for name in names}

    def score(
        self,
        *,
        checkpoint: str | int = "final",
        overrides: Overrides = (),
        expect_processes: int | None = None,
    ) -> Score:
        """Score a checkpoint and add the score to the run's records.

        Args:
            overrides: other values of ``eval`` (``eval.final_samples=10000``), and of nothing
                else; `evaluation` of another run gives that run's protocol.
        """
        _only_evaluation(overrides)
        registry = registry_of(self.directory)
        plan = make_plan(Recipe.load(self.directory.lock_file, overrides, registry), registry)
        processes = find_processes(expect_processes)
        chosen = self.checkpoint(checkpoint)
        settings = plan.recipe.settings
        finished = self.status == "finished"
        selected = checkpoint if checkpoint in ("final", "best") and finished else "asked"
        sampling = Sampling(
            weights="ema" if settings.train.ema else "raw",
            step=chosen.step,
            images_seen=chosen.manifest["images_seen"],
            selected=str(selected),
            seed=settings.eval.seed,
            checkpoint_sha256=chosen.sha256,
            labels=settings.labels if settings.conditional else None,
        )
        sampler = self._sampler(chosen, processes.device)
        score = Scorer.of(plan, processes).score_generator(
            sampler, plan.budget.final_samples, sampling
        )
        if processes.is_main:
            self.directory.append_score(score)
        return score


def _only_evaluation(overrides: Overrides) -> None:
    for key in override_keys(overrides):
        if not key.startswith("eval."):
            raise UsageError(f"a finished run keeps its recipe; {key} cannot change", hint="eval.…")


def run(
    recipe: str | Path | Recipe,
    overrides: Overrides = (),
    *,
    registry: Registry | None = None,
    **options: Any,
) -> Run:
    """Check a recipe, train it in a new run directory, score it; return the run.

    Args:
        recipe: a file, the name of a recipe, or a loaded `Recipe`.
        overrides: ``{"train.steps": 500}`` or ``["train.steps=500"]``.
        options: the fields of `ganzoo.engine.launch.Options`, such as ``runs_directory``.

    Raises:
        GanzooError: see `ganzoo.errors`; nothing is trained if the recipe is wrong.
    """
    if "runs_directory" in options:
        options["runs_directory"] = Path(options["runs_directory"])
    return Run(start(prepare(recipe, overrides, registry), Options(**options)))


def resume(reference: str | Path, overrides: Overrides = (), **options: Any) -> Run:
    """Go on with a run to its end; return it. See `load` for what `reference` may be."""
    chosen = Options(**options)
    directory = RunDirectory.find(reference, chosen.runs_directory)
    go_on(directory, overrides, chosen)
    return Run(directory)


def load(reference: str | Path = "last", runs_directory: str | Path = "runs") -> Run:
    """Return a run: by its path, the beginning of its name, or ``last``.

    Raises:
        UsageError: there is no such run, or there are several.
    """
    return Run(RunDirectory.find(reference, Path(runs_directory)))
