"""Make ganzoo_emoji/data/pictures.png and names.tsv from a font and Unicode's list of emoji.

    apt-get install fonts-noto-color-emoji unicode-data      # Debian 12: 2.042-0+deb12u1, 15.0.0-1
    pip install fonttools
    python plugins/emoji/tools/make_pictures.py /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf \
        /usr/share/unicode/emoji/emoji-test.txt

Prints the hashes that ganzoo_emoji/noto.py contains. The font holds bitmaps, so nothing is
rendered, and the pixels do not depend on the machine; the compressed file may, with another Pillow.
"""

import sys
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from fontTools.ttLib import TTFont
from ganzoo_emoji.noto import COLUMNS, NAMES, PICTURES, SIZE
from PIL import Image

BITMAP = (136, 128)
FACTOR = 4
SIDE = FACTOR * SIZE
MARGIN = (BITMAP[0] - SIDE) // 2
"""Columns left and right of a bitmap that are always transparent."""

EMOJI_STYLE = 0xFE0F
JOINER = 0x200D
SKIN_TONES = range(0x1F3FB, 0x1F400)
TAGS = range(0xE0020, 0xE0080)

SAME_FLAG = {"BV", "CP", "DG", "EA", "HM", "MF", "SJ", "UM"}
"""Territories that fly the flag of NO, FR, IO, ES, AU, FR, NO, US."""
FIRST_LETTER = 0x1F1E6
"""Regional indicator A; two indicators are a flag."""

HEADER = """\
# Code points, group and name of each picture in pictures.png, line by line from the left.
# From emoji-test.txt of Unicode 15.0, reduced: copyright 2022 Unicode, Inc.; see UNICODE.txt.
"""


def listed(file: Path) -> Iterator[tuple[tuple[int, ...], str, str]]:
    """Yield (code points, group, name) of each fully qualified emoji."""
    group = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.removeprefix("# group:").strip()
        codes, separator, rest = line.partition("; fully-qualified")
        if separator:
            # "# 😀 E1.0 grinning face"
            name = rest.split("#", 1)[1].split(maxsplit=2)[2]
            yield tuple(int(code, 16) for code in codes.split()), group, name


def is_base(codes: tuple[int, ...]) -> bool:
    """Whether an emoji is not a variant of others: joined, with a skin tone, or with tags."""
    return not any(code == JOINER or code in SKIN_TONES or code in TAGS for code in codes)


def region(codes: tuple[int, ...]) -> str:
    """Return the two letters of a country's flag, or nothing for any other emoji."""
    letters = [code - FIRST_LETTER for code in codes]
    is_flag = all(0 <= letter < 26 for letter in letters)
    return "".join(chr(ord("A") + letter) for letter in letters) if is_flag else ""


class Font:
    """The bitmaps of a font with a CBDT table."""

    def __init__(self, file: Path) -> None:
        font = TTFont(file)
        self.version = font["name"].getDebugName(5)
        self._glyphs = font.getBestCmap()
        self._bitmaps = font["CBDT"].strikeData[0]
        self._ligatures = {
            (first, *ligature.Component): ligature.LigGlyph
            for lookup in font["GSUB"].table.LookupList.Lookup
            if lookup.LookupType == 4
            for part in lookup.SubTable
            for first, ligatures in part.ligatures.items()
            for ligature in ligatures
        }

    def picture(self, codes: tuple[int, ...]) -> Image.Image:
        """Return an emoji on white, RGB of 32 x 32 pixels."""
        glyphs = tuple(self._glyphs[code] for code in codes if code != EMOJI_STYLE)
        glyph = glyphs[0] if len(glyphs) == 1 else self._ligatures[glyphs]
        bitmap = Image.open(BytesIO(self._bitmaps[glyph].imageData)).convert("RGBA")
        if bitmap.size != BITMAP:
            raise SystemExit(f"a bitmap of {bitmap.size} pixels, not {BITMAP}")
        right = BITMAP[0] - MARGIN
        margins = [bitmap.crop((left, 0, left + MARGIN, SIDE)) for left in (0, right)]
        if any(margin.getbbox(alpha_only=True) for margin in margins):
            raise SystemExit(f"{codes} is wider than {SIDE} pixels")
        square = bitmap.crop((MARGIN, 0, right, SIDE))
        white = Image.new("RGBA", square.size, "white")
        white.alpha_composite(square)
        return white.convert("RGB").reduce(FACTOR)


def main(font_file: Path, list_file: Path) -> None:
    font = Font(font_file)
    print(font.version)
    print(f"{font_file.name} {sha256(font_file.read_bytes()).hexdigest()}")
    chosen = [
        row for row in listed(list_file) if is_base(row[0]) and region(row[0]) not in SAME_FLAG
    ]
    pictures = [font.picture(codes) for codes, _, _ in chosen]
    if len({picture.tobytes() for picture in pictures}) < len(pictures):
        raise SystemExit("two pictures are the same")
    lines = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIZE, lines * SIZE), "white")
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place % COLUMNS * SIZE, place // COLUMNS * SIZE))
    sheet.save(PICTURES, optimize=True)
    rows = (
        f"{' '.join(f'{code:X}' for code in codes)}\t{group}\t{name}\n"
        for codes, group, name in chosen
    )
    NAMES.write_text(HEADER + "".join(rows), encoding="utf-8")
    print(f"{len(pictures)} emoji")
    for file in (PICTURES, NAMES):
        content = file.read_bytes()
        print(f"{file.name}: {len(content):,} bytes, sha256 {sha256(content).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
