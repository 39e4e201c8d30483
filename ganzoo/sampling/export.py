"""Export a run's generator: weights with their description, or a `torch.export` program."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr
from io import StringIO
from itertools import takewhile
from pathlib import Path
from traceback import walk_stack, walk_tb
from types import FrameType
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganzoo.components.build import takes
from ganzoo.components.sampling_parameters import sampling_model
from ganzoo.components.signature import rows_of
from ganzoo.components.weights import write_network
from ganzoo.errors import PluginError
from ganzoo.runs.checkpoints import Checkpoint
from ganzoo.runs.files import unwritable
from ganzoo.sampling.sampler import Sampler

FORMS = ("safetensors", "program")
"""Formats of `ganzoo export`."""

ELSEWHERE = "--out DIRECTORY"


def description(
    lock: Mapping[str, Any], checkpoint: Checkpoint, sampler: Sampler, recorded: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the description of a generator's weights: its code, step, inputs and outputs.

    Args:
        lock: the run's ``recipe.lock.yaml``.
        recorded: the sampling parameters and the law of z at sampling.
    """
    generator = sampler.generator
    model = sampling_model(lock["generator"]["use"], generator.forward)
    return {
        "step": checkpoint.step,
        "checkpoint_sha256": checkpoint.sha256,
        "generator": lock["generator"],
        "code": lock["lock"]["components"]["generator"],
        "spec": sampler.spec.to_json(),
        "latent": {**lock["latent"], "dim": generator.latent_dim},
        "conditional": lock["conditional"],
        "noise": takes(generator, "noise"),
        "prepared": hasattr(generator, "prepare_sampling"),
        "sampling": {**recorded, "available": rows_of(model)},
    }


def export_weights(network: nn.Module, about: dict[str, Any], directory: Path) -> list[Path]:
    """Write ``generator.safetensors`` and ``generator.json``; return their paths.

    Raises:
        UsageError, DiskFull: `directory` cannot be written.
    """
    weights, words = directory / "generator.safetensors", directory / "generator.json"
    text = json.dumps(about, indent=2, ensure_ascii=False, sort_keys=True)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_network(network, weights)
        weights.chmod(0o666 & ~_umask())
        words.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(directory, error, ELSEWHERE) from error
    return [weights, words]


def export_program(
    network: nn.Module, latents: Tensor, labels: Tensor | None, directory: Path
) -> list[Path]:
    """Write ``generator.pt2``, which `torch.export.load` reads without ganzoo: see `program_of`.

    Raises:
        PluginError: `torch.export` cannot follow the generator's code.
        UsageError, DiskFull: `directory` cannot be written.
    """
    program = program_of(network, latents, labels)
    path = directory / "generator.pt2"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        torch.export.save(program, path)
    except OSError as error:
        raise unwritable(directory, error, ELSEWHERE) from error
    return [path]


def program_of(
    network: nn.Module, latents: Tensor, labels: Tensor | None
) -> torch.export.ExportedProgram:
    """Return a generator as a program, in eval mode.

    The program maps z (B, latent_dim) float32, and y (B,) int64 if `labels` are given, to samples
    in model form, for any B of at least 1.

    Raises:
        PluginError: `torch.export` cannot follow the generator's code; names the line.
    """
    batch = torch.export.Dim("batch", min=1)
    arguments = (latents,) if labels is None else (latents, labels)
    dynamic = tuple({0: batch} for _ in arguments)
    with _Guards() as guards:
        try:
            with torch.no_grad(), redirect_stderr(StringIO()):  # torch prints the failed graph
                return torch.export.export(network.eval(), arguments, dynamic_shapes=dynamic)
        except Exception as error:  # torch raises many kinds for code that it cannot follow
            what = str(error).strip().partition("\n")[0]
            place = _place(walk_tb(error.__traceback__))
            if what.startswith("Constraints violated"):
                what, place = "code that fixes the size of the batch", guards.place
                place += " - write z.shape[0] instead of len(z), and view(-1, …)"
            elif "data-dependent" in what:
                what = "code that depends on the values of tensors"
                place += " - write torch.where instead of if"
            raise PluginError(
                f"this generator cannot become a program: {what}{place}",
                hint="ganzoo export RUN --format safetensors",
            ) from error


class _Guards(logging.Handler):
    """Records, within the block, which lines of a network need the size of its batch as a number.

    torch logs each such guard while it runs the network, and its exception does not name the line.
    """

    def __init__(self) -> None:
        super().__init__()
        self.place = ""
        self.logger = logging.getLogger("torch.fx.experimental.symbolic_shapes")
        self.before = self.logger.handlers, self.logger.level, self.logger.propagate

    def __enter__(self) -> Self:
        self._set([self], logging.INFO, False)
        return self

    def __exit__(self, *error: object) -> None:
        self._set(*self.before)

    def _set(self, handlers: list[logging.Handler], level: int, propagate: bool) -> None:
        self.logger.handlers, self.logger.propagate = handlers, propagate
        self.logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        if not self.place and record.getMessage().startswith("eval "):
            inner = takewhile(lambda f: f[0].f_code is not program_of.__code__, walk_stack(None))
            self.place = _place(reversed([*inner]))


def _place(frames: Iterable[tuple[FrameType, int]]) -> str:
    """Return the last place outside torch, ganzoo and Python: `` (critic.py:12)``, or nothing."""
    found = ""
    for frame, line in frames:
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        if module not in {"torch", "ganzoo", *sys.stdlib_module_names}:
            found = f" ({Path(frame.f_code.co_filename).name}:{line})"
    return found


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
