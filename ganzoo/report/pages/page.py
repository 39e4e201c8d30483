"""What pages share: templates, style and script, previews of samples, words for protocols."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from io import StringIO
from pathlib import Path
from shlex import quote
from typing import Any

import jinja2
from markupsafe import Markup

from ganzoo.errors import DataError, UsageError
from ganzoo.modalities.image import opened_picture
from ganzoo.runs.html import MEDIA, embedded
from ganzoo.runs.score import Protocol
from ganzoo.untrusted import DAMAGE, read_regular
from ganzoo.version import __version__

LONGEST = 4000
"""Characters of a text file that a page shows."""

MOST_ROWS = 20
"""Rows of a csv file that a page shows."""

BROAD = 1.4
"""A picture whose width is more than this times its height gets more room."""

SHARP = 340
"""Pictures of at most this many pixels across are shown pixel by pixel, larger ones smoothly."""


@dataclass(frozen=True)
class Preview:
    """Samples as elements of a page: pictures, players, text and tables."""

    words: str
    """What the samples are."""
    parts: tuple[Markup, ...]
    broad: bool = False
    """Whether it needs more room than a grid of small pictures."""


def preview(words: str, paths: Iterable[Path]) -> Preview | None:
    """Return the files of a preview for a page, or None if none of them can be read."""
    parts, broad = [], False
    for path in paths:
        try:
            part, is_broad = _embedded(path, words)
        except (*DAMAGE, DataError):
            continue
        parts.append(part)
        broad = broad or is_broad
    return Preview(words, tuple(parts), broad) if parts else None


def _embedded(path: Path, words: str) -> tuple[Markup, bool]:
    """Return a file as an element of a page, and whether it needs more room.

    Raises:
        DataError, any of DAMAGE: it cannot be read, or holds something else.
    """
    suffix = path.suffix
    if suffix == ".txt":
        return Markup('<pre class="text">{}</pre>').format(_start(path)), True
    if suffix == ".csv":
        head, *rows = list(csv.reader(StringIO(_start(path))))[: MOST_ROWS + 1] or [[]]
        names = Markup("").join(map(Markup('<th scope="col">{}</th>').format, head))
        cells = [Markup("").join(map(Markup("<td>{}</td>").format, row)) for row in rows]
        body = Markup("").join(map(Markup("<tr>{}</tr>").format, cells))
        table = "<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
        return Markup(f'<div class="wide">{table}</div>').format(words, names, body), True
    source = embedded(path)
    if MEDIA[suffix].startswith("audio/"):
        player = '<audio controls src="{}" aria-label="{}"></audio>'
        return Markup(player).format(source, words), True
    with opened_picture(path) as image:
        width, height = image.size
    smooth = ' class="smooth"' if width > SHARP else ""
    picture = f'<img src="{{}}" alt="{{}}" width="{{}}" height="{{}}"{smooth}>'
    return Markup(picture).format(source, words, width, height), width > BROAD * height


def _start(path: Path) -> str:
    """Return the first lines of a text file, whole ones."""
    text = read_regular(path).decode()
    return text if len(text) <= LONGEST else text[:LONGEST].rpartition("\n")[0] + "\n…"


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
    """Return a page. Everything in `content` is escaped, except `Markup`."""
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
    """Return the fields of a protocol that are set, as text."""
    rows = [
        (name.replace("_", " "), str(value))
        for name, value in asdict(protocol).items()
        if value not in (None, "")
    ]
    return [*rows, ("id", protocol.id)]


def explanation(protocol: Protocol) -> str:
    """Explain what the score measures."""
    real = "/".join(filter(None, (protocol.data.removeprefix("zoo/"), protocol.split)))
    return (
        f"{protocol.distance_name} is the Fréchet distance between two Gaussians: one fitted to "
        f"the features that the network {protocol.extractor} computes of {protocol.n_fake:,} "
        f"generated samples, the other to those of the real ones of {real} ({protocol.counts}). "
        "It is 0 for equal distributions, and lower is better. It depends on the extractor, on the "
        "number of samples and on how they are prepared, so that only scores of one protocol can "
        "be compared."
    )
