"""How like real sounds generated ones are."""

from ganzoo.api import Register, hookimpl, table

BOTH = {"audio", "audio/spectrogram"}


@hookimpl
def register_metrics(register: Register) -> None:
    add = table(register, __name__, modalities=BOTH, license="Apache-2.0")
    add("pitch", "pitch:Pitch")
    add("class-balance", "class_balance:ClassBalance")
