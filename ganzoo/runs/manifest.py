"""The manifest of a checkpoint: what was written, to verify what is read.

``MANIFEST.json`` holds the format, the step, further facts from the run, the size and sha256 of
every file, and a hash of itself.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ganzoo.errors import CheckpointError
from ganzoo.runs import faults, files
from ganzoo.runs.records import content_hash, plain, to_json
from ganzoo.untrusted import parse_json, read_regular

FORMAT = 1
MANIFEST = "MANIFEST.json"

faults.declare({"publish.synced": "the files are synced; there is no manifest yet"})


class DamagedCheckpoint(CheckpointError):
    """The files of a checkpoint do not match its manifest."""


def verify(path: Path) -> dict[str, Any]:
    """Return the manifest of the checkpoint at `path` after checking every file against it.

    Raises:
        DamagedCheckpoint: a file is missing or does not match the manifest, or the manifest is
            damaged; names the first such file.
        CheckpointError: the format is unknown to this version of ganzoo.
        OSError: a file exists but cannot be read.
    """
    manifest = _read_manifest(path)
    for name, entry in manifest["files"].items():
        file = path / name
        if not file.is_file():
            raise DamagedCheckpoint(f"{path.name}: {name} is missing")
        if (size := file.stat().st_size) != entry["bytes"]:
            raise DamagedCheckpoint(f"{path.name}: {name} has {size} bytes, not {entry['bytes']}")
        if files.sha256_of(file) != entry["sha256"]:
            raise DamagedCheckpoint(f"{path.name}: the sha256 of {name} differs")
    return manifest


def seal(staging: Path, step: int, about: Mapping[str, Any]) -> dict[str, Any]:
    """Sync all files, then write and sync a manifest of them; return the manifest."""
    mode = files.usual_mode(staging)
    entries = {}
    directories = [staging]
    for path in sorted(staging.rglob("*")):
        if path.is_dir():
            directories.append(path)
            continue
        path.chmod(mode)  # safetensors writes 0600
        files.sync_file(path)
        name = path.relative_to(staging).as_posix()
        entries[name] = {"bytes": path.stat().st_size, "sha256": files.sha256_of(path)}
    for directory in reversed(directories):
        files.sync_directory(directory)
    faults.hit("publish.synced")
    manifest = plain({**about, "format": FORMAT, "step": step, "files": entries})
    manifest["manifest_sha256"] = content_hash(manifest)
    files.write_new(staging / MANIFEST, to_json(manifest, indent=1))
    files.sync_directory(staging)
    return manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = parse_json(read_regular(path / MANIFEST))
        stated = manifest.pop("manifest_sha256")
        sound = content_hash(manifest) == stated and _is_well_formed(manifest)
    except FileNotFoundError:
        raise DamagedCheckpoint(f"{path.name}: {MANIFEST} is missing") from None
    except (ValueError, KeyError, AttributeError, TypeError):
        sound = False
    if not sound:
        raise DamagedCheckpoint(f"{path.name}: {MANIFEST} is damaged")
    if manifest["format"] != FORMAT:
        raise CheckpointError(
            f"{path} has format {manifest['format']}; this version of ganzoo reads format {FORMAT}",
            hint="pip install --upgrade ganzoo-core",
        )
    if path.name != directory_name(manifest["step"]):
        raise DamagedCheckpoint(f"{path.name}: its manifest says step {manifest['step']}")
    return {**manifest, "manifest_sha256": stated}


def _is_well_formed(manifest: dict[str, Any]) -> bool:
    """Return whether all fields have their types and no file is outside the directory."""
    names = map(PurePosixPath, manifest["files"])
    return (
        isinstance(manifest["step"], int)
        and all({"bytes", "sha256"} <= entry.keys() for entry in manifest["files"].values())
        and not any(n.is_absolute() or ".." in n.parts or "\0" in str(n) for n in names)
    )


def directory_name(step: int) -> str:
    """Return the directory name of a step's checkpoint."""
    return f"step-{step:08d}"


def looks_whole(path: Path) -> bool:
    """Return whether all files exist with the right sizes, without reading their content."""
    try:
        entries = _read_manifest(path)["files"].items()
        return all((path / name).stat().st_size == entry["bytes"] for name, entry in entries)
    except (CheckpointError, OSError):
        return False
