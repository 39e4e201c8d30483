"""Features of sound."""

from ganzoo.api import Register, hookimpl, table

BOTH = {"audio", "audio/spectrogram"}


@hookimpl
def register_extractors(register: Register) -> None:
    add = table(register, __name__, modalities=BOTH, license="Apache-2.0")
    add("log-mel", "log_mel:LogMel")
    add("note-classifier", "note_classifier:NoteClassifier", datasets=["audio/notes"])
