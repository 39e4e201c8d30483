"""Export networks as `torch.export` programs for batches of any size, which run without ganzoo."""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, suppress
from io import StringIO
from itertools import takewhile
from pathlib import Path
from traceback import walk_stack, walk_tb
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ganzoo.components.build import takes
from ganzoo.errors import PluginError, truncate


def program_of(
    network: nn.Module, z: Tensor, y: Tensor | None, parameters: Mapping[str, Any] = {}
) -> torch.export.ExportedProgram:
    """Return a generator as a program, in eval mode.

    It maps z (B, latent_dim) float32, and y if it is given, to samples in model form, for any B of
    at least 1. y is int64 (B,), or conditions in model form. Noise inside the generator comes from
    torch's default generator when the program runs.

    Args:
        parameters: values of sampling parameters in the program; others have their defaults.

    Raises:
        PluginError: `torch.export` cannot follow the generator's code; names the line.
    """
    if takes(network, "noise") or parameters:
        network = _Sampled(network, parameters)
    return _program("generator", network, (z,) if y is None else (z, y))


class _Sampled(nn.Module):
    """A generator with its noise and its sampling parameters."""

    def __init__(self, generator: nn.Module, parameters: Mapping[str, Any]) -> None:
        super().__init__()
        self.generator, self.parameters_set = generator, dict(parameters)
        self.takes_noise = takes(generator, "noise")

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        given = {"noise": _DefaultNoise(z)} if self.takes_noise else {}
        samples: Tensor = self.generator(z, y, **given, **self.parameters_set)
        return samples


class _DefaultNoise:
    """A `ganzoo.api.Noise` for one batch, from torch's default generator on the device of z."""

    def __init__(self, z: Tensor) -> None:
        self.z = z
        self.drawn: dict[tuple[str, str], Tensor] = {}

    def uniform(self, name: str, *shape: int) -> Tensor:
        return self._once("uniform", name, shape)

    def normal(self, name: str, *shape: int) -> Tensor:
        return self._once("normal", name, shape)

    def _once(self, law: str, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw numbers at the first use of a name, and return the same ones later."""
        if (law, name) not in self.drawn:
            # A `like` function: the program can then move to another device.
            like = self.z.new_empty(self.z.shape[0], *shape)
            draw = torch.rand_like if law == "uniform" else torch.randn_like
            self.drawn[law, name] = draw(like)
        return self.drawn[law, name]


def latent_program_of(latent: nn.Module) -> torch.export.ExportedProgram:
    """Return a learned latent as a program from any tensor (B, ...) to latents (B, dim).

    Torch's default generator draws them when the program runs.

    Raises:
        PluginError: `torch.export` cannot follow the latent's code; names the line.
    """
    return _program("latent", _DrawnLatents(latent), (torch.zeros(2),))


class _DrawnLatents(nn.Module):
    """A latent as a network that maps any tensor (B, ...) to latents (B, dim)."""

    def __init__(self, latent: Any) -> None:
        super().__init__()
        self.latent = latent

    def forward(self, like: Tensor) -> Tensor:
        with _DefaultGenerator():
            z: Tensor = self.latent.sample(like.shape[0], torch.default_generator)
        return z


class _DefaultGenerator(TorchFunctionMode):
    """Draw from torch's default generator: a program cannot contain a `torch.Generator`."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        own = {name: value for name, value in (kwargs or {}).items() if name != "generator"}
        return function(*args, **own)


def _program(
    what: str, network: nn.Module, arguments: tuple[Tensor, ...]
) -> torch.export.ExportedProgram:
    """Return a network as a program, in eval mode, for batches of any size.

    If tracing a run of the code fails, try torch's compiler front end, which supports more code.

    Raises:
        PluginError: torch cannot follow the network's code; names the line.
    """
    network.eval()
    failures: list[Exception] = []
    for strict in (False, True):
        try:
            return _traced(network, arguments, strict=strict)
        except Exception as error:  # torch raises many kinds for code that it cannot follow
            failures.append(error)
    words, place = _first_line(failures[0]), _place(walk_tb(failures[0].__traceback__))
    if words.startswith("Constraints violated"):
        where = f"the size of the batch{_line_of_guard(network, arguments)}"
        why = f"code that depends on {where} - write no `if` and no loop over it"
    elif "data-dependent" in words:
        why = f"code that depends on the values of tensors{place} - write torch.where, not `if`"
    else:
        why = words + place
    raise PluginError(f"this {what} cannot become a program: {why}") from failures[0]


def _traced(
    network: nn.Module, arguments: tuple[Tensor, ...], *, strict: bool = False, quiet: bool = True
) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch", min=1)
    dynamic = tuple({0: batch} for _ in arguments)
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL if quiet else before)
    try:
        # torch prints the graph as far as it got, and logs its own stack.
        with torch.no_grad(), warnings.catch_warnings(), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            return torch.export.export(network, arguments, dynamic_shapes=dynamic, strict=strict)
    finally:
        logging.disable(before)


def _first_line(error: Exception) -> str:
    """Return the first line of a torch error, without its C++ file and its hints."""
    first = str(error).strip().partition("\n")[0].partition(" For more information")[0]
    words = re.sub(r"^\S+\.(cpp|h):\d+: ", "", first)
    own = type(error).__module__ == "builtins" and not isinstance(error, RuntimeError)
    return truncate(f"{type(error).__name__}: {words}" if own else words, 200)


def _place(frames: Iterable[tuple[FrameType, int]]) -> str:
    """Return the last place outside torch, ganzoo and Python: `` (critic.py:12)``, or ``''``."""
    found = ""
    for frame, line in frames:
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        if module not in {"torch", "ganzoo", *sys.stdlib_module_names}:
            found = f" ({Path(frame.f_code.co_filename).name}:{line})"
    return found


def _line_of_guard(network: nn.Module, arguments: tuple[Tensor, ...]) -> str:
    """Return the first place that needs the size of the batch as a number, or ``''``.

    torch logs each such guard while it runs the network; its exception does not name the line.
    """
    logger = logging.getLogger("torch.fx.experimental.symbolic_shapes")
    before = logger.handlers, logger.level, logger.propagate
    guards = _Guards()
    logger.handlers, logger.propagate = [guards], False
    logger.setLevel(logging.INFO)
    try:
        with suppress(Exception):
            _traced(network, arguments, quiet=False)
    finally:
        logger.handlers, level, logger.propagate = before
        logger.setLevel(level)
    return guards.place


class _Guards(logging.Handler):
    """Record the place of the first guard that torch logs."""

    place = ""

    def emit(self, record: logging.LogRecord) -> None:
        if not self.place and record.getMessage().startswith("eval "):
            inner = takewhile(lambda each: each[0].f_code is not _traced.__code__, walk_stack(None))
            self.place = _place(reversed([*inner]))
