"""The line above each table: the date, the machine and the versions it was made with."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import ganzoo


def provenance(*packages: str, device: str = "") -> str:
    """Return the date, the device (by default the CPU, with its load) and the versions.

    Args:
        packages: more packages than ganzoo; one that is not installed is left out.
    """
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    versions = [f"ganzoo {ganzoo.__version__}", f"Python {platform.python_version()}"]
    versions += [f"{name} {version(name)}" for name in packages if find_spec(name)]
    return f"{date.today()}, {device or f'{processor()}, {load}'}, {', '.join(versions)}"


def processor() -> str:
    """Return the CPU's name as Linux reports it, or else as Python does."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
