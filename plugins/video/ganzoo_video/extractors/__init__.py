"""Features of clips."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_extractors(register: Register) -> None:
    add = table(register, __name__, modalities={"video"}, license="Apache-2.0")
    moving = ["video/moving-digits", "video/moving-shapes"]
    add("toy-cnn", "toy_cnn:ToyCNN", revision=2, datasets=moving)
