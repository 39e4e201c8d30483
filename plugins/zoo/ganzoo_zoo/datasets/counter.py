"""Counter-based random numbers: a function of (stream, index, draw), without a state.

So the sample with a given index is the same in any order, in any process, and with any version of
numpy or torch. Only integer arithmetic modulo 2^64 is used.
"""

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return SplitMix64's output for the state z, a bijection of the 64-bit numbers.

    Source: Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195 (mixing variant 13).
    """
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniforms(stream: str, indices: NDArray[np.int64], draws: int) -> NDArray[np.float64]:
    """Return (len(indices), draws) numbers, uniform in [0, 1), multiples of 2^-53.

    `stream` names an independent sequence. `indices` must not be negative, and `draws` is at most
    65,536; the first columns do not depend on it.
    """
    seed = np.array(int.from_bytes(sha256(stream.encode()).digest()[:8], "little"), dtype=np.uint64)
    first = indices.astype(np.uint64)[:, None] << np.uint64(16)
    counters = first | np.arange(draws, dtype=np.uint64)
    return (mix(seed + counters * GOLDEN_GAMMA) >> np.uint64(11)).astype(np.float64) * 2.0**-53
