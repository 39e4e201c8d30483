"""What every page shares: its template, its style and script, pictures within it, plain words."""

import base64
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from shlex import quote
from typing import Any

import jinja2
from markupsafe import Markup
from PIL import Image

from ganzoo.errors import UsageError
from ganzoo.runs.score import Protocol
from ganzoo.version import __version__


@dataclass(frozen=True)
class Picture:
    """A PNG that stands in the page itself. Width and height are in pixels of the file."""

    source: str
    words: str
    width: int
    height: int

    @classmethod
    def of(cls, path: Path, words: str) -> "Picture":
        """Read a PNG.

        Raises:
            OSError: it cannot be read.
        """
        with Image.open(path) as image:
            width, height = image.size
        content = base64.b64encode(path.read_bytes()).decode()
        return cls(f"data:image/png;base64,{content}", words, width, height)


def pictures(paths: Iterable[tuple[Path, str]]) -> list[Picture]:
    """Return those of the pictures that are there and can be read."""
    found = []
    for path, words in paths:
        try:
            found.append(Picture.of(path, words))
        except OSError:
            continue
    return found


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("ganzoo.report.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **content: Any) -> str:
    """Return a whole page; everything in `content` is escaped but for `Markup`."""
    environment = _templates()
    inline = {
        name: Markup(environment.loader.get_source(environment, file)[0])  # type: ignore[union-attr]
        for name, file in (("style", "style.css"), ("script", "page.js"))
    }
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return environment.get_template(template).render(
        version=__version__, made=made, **inline, **content
    )


def write_page(path: Path, text: str) -> None:
    """Write a page.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        hint = f"mkdir -p {quote(str(path.parent))}" if not path.parent.exists() else None
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint=hint) from error


def protocol_rows(protocol: Protocol) -> list[tuple[str, str]]:
    """Return every field of a protocol that says something, in words."""
    rows = [
        (name.replace("_", " "), str(value))
        for name, value in asdict(protocol).items()
        if value not in (None, "")
    ]
    return [*rows, ("id", protocol.id)]


def explanation(protocol: Protocol) -> str:
    """Return what the number measures, in plain words."""
    real = "/".join(filter(None, (protocol.reference.removeprefix("zoo/"), protocol.split)))
    return (
        f"{protocol.distance_name} is the Fréchet distance between two Gaussians: one fitted to "
        f"the features that the network {protocol.extractor} computes of {protocol.n_fake:,} "
        f"generated samples, the other to those of the {protocol.n_real:,} real ones of {real}. "
        "It is 0 for equal distributions, and lower is better. It depends on the extractor, on the "
        "number of samples and on how they are prepared, so that only scores of one protocol can "
        "be compared."
    )
