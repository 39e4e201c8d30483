"""Data sets of clips."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities={"video"}, splits=("train", "test"))
    toy = "video/toy-cnn"
    add("clips", "clips:Clips", extractor=toy, suffixes=(".gif", ".webp", ".apng"))
    add("moving-digits", "moving:MovingDigits", extractor=toy, license="CC-BY-4.0")
    add("moving-shapes", "moving:MovingShapes", extractor=toy, license="Apache-2.0")
