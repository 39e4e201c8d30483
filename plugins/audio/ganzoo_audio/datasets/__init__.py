"""Data sets of sound."""

from ganzoo.api import Register, hookimpl, table

BOTH = {"audio", "audio/spectrogram"}


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities=BOTH, license="Apache-2.0")
    add("notes", "notes:Notes", splits=("train", "test", "extractor"), extractor="audio/log-mel")
    files = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
    add("waves", "waves:Waves", splits=("train", "test"), extractor="audio/log-mel", suffixes=files)
