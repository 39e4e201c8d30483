import numpy as np
from ganzoo_zoo.datasets.counter import GOLDEN_GAMMA, mix, uniforms


def test_mix_gives_the_published_sequence_of_splitmix64() -> None:
    # Seed 1234567; Rosetta Code, "Pseudo-random numbers/Splitmix64", read 2025.
    states = np.arange(1, 6, dtype=np.uint64) * GOLDEN_GAMMA + np.uint64(1234567)
    assert mix(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_a_number_depends_on_its_stream_index_and_draw_alone() -> None:
    together = uniforms("stream", np.arange(10), 4)
    np.testing.assert_array_equal(uniforms("stream", np.array([7, 3]), 2), together[[7, 3], :2])
    assert len(np.unique(np.concatenate([together, uniforms("other", np.arange(10), 4)]))) == 80


def test_the_numbers_are_uniform() -> None:
    u = uniforms("stream", np.arange(20_000), 5)
    assert u.min() >= 0
    assert u.max() < 1
    np.testing.assert_allclose(u.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(np.cov(u.T), np.eye(5) / 12, atol=0.004)
