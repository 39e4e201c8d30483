"""Features of sound."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_extractors(register: Register) -> None:
    add = table(register, __name__, modalities={"audio"}, license="Apache-2.0")
    add("log-mel", "log_mel:LogMel")
