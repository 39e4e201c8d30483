"""Wheels of small distributions, written file by file in the wheel format (PEP 427)."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent


@dataclass(frozen=True)
class Distribution:
    """The content of a wheel: `modules` is path → text, `entry_points` namespace → module."""

    name: str
    modules: Mapping[str, str]
    entry_points: Mapping[str, str]
    group: str = "ganzoo.v1"
    version: str = "1.0"
    requires: tuple[str, ...] = field(default=("ganzoo-core",))

    @property
    def stem(self) -> str:
        """Name and version as in file names."""
        return f"{self.name.replace('-', '_')}-{self.version}"

    def metadata(self) -> dict[str, str]:
        """Return the files of the wheel's .dist-info, without RECORD."""
        points = [f"{namespace} = {module}" for namespace, module in self.entry_points.items()]
        about = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        about += [f"Requires-Dist: {each}" for each in self.requires]
        wheel = ["Wheel-Version: 1.0", "Generator: tests", "Root-Is-Purelib: true"]
        return {
            "METADATA": "\n".join([*about, ""]),
            "WHEEL": "\n".join([*wheel, "Tag: py3-none-any", ""]),
            "entry_points.txt": "\n".join([f"[{self.group}]", *points, ""]),
        }

    def wheel(self, folder: Path) -> Path:
        """Write the wheel into a folder; return its path."""
        return self._write(folder, {path: dedent(text) for path, text in self.modules.items()})

    def editable(self, folder: Path, source: Path) -> Path:
        """Write the modules into `source`, and into `folder` a wheel that only points there.

        That is what a build backend gives an installer for ``pip install -e`` (PEP 660).
        """
        for path, text in self.modules.items():
            file = source / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text), encoding="utf-8")
        return self._write(folder, {f"_editable_{self.name}.pth": f"{source}\n"})

    def _write(self, folder: Path, files: dict[str, str]) -> Path:
        about = f"{self.stem}.dist-info"
        files |= {f"{about}/{name}": text for name, text in self.metadata().items()}
        record = f"{about}/RECORD"
        lines = [_recorded(path, text) for path, text in files.items()]
        folder.mkdir(parents=True, exist_ok=True)
        wheel = folder / f"{self.stem}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
            archive.writestr(record, "\n".join([*lines, f"{record},,", ""]))
        return wheel


def _recorded(path: str, text: str) -> str:
    """Return a file's line in RECORD: path, hash in URL-safe base64 without padding, size."""
    data = text.encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}"
