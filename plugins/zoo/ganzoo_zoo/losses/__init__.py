"""Losses, one per file."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_losses(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("vanilla", "vanilla:Vanilla", paper="arXiv:1406.2661")
    add("hinge", "hinge:Hinge", paper="arXiv:1705.02894")
    add("multi-hinge", "multi_hinge:MultiHinge", paper="arXiv:1912.04216")
    add("wgan-gp", "wgan_gp:WassersteinGP", paper="arXiv:1704.00028")
    add("relativistic", "relativistic:Relativistic", paper="arXiv:1807.00734")
    add("least-squares", "least_squares:LeastSquares", paper="arXiv:1611.04076")
    add("wasserstein", "wasserstein:Wasserstein", paper="arXiv:1701.07875")
    add("f-gan", "f_gan:FGAN", paper="arXiv:1606.00709")
    add("feature-matching", "feature_matching:FeatureMatching", paper="arXiv:1606.03498")
