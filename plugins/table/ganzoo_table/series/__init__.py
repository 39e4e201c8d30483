"""Windows of time series. The hooks that register what they need; imports no torch.

The table's own hooks have the plain names, so these say which hook they implement.
"""

from ganzoo.api import Register, hookimpl, table

SERIES = {"modalities": {"table/series"}, "license": "Apache-2.0"}


@hookimpl
def register_modalities(register: Register) -> None:
    add = table(register, __name__, license="Apache-2.0")
    add("series", "modality:Series")


@hookimpl(specname="register_datasets")
def register_series_datasets(register: Register) -> None:
    about = {"splits": ("train", "test"), "extractor": "table/random-convolutions"}
    add = table(register, f"{__name__}.datasets", **SERIES, **about)
    add("ar2", "ar2:AR2")
    add("sines", "sines:Sines")
    add("windows", "windows:FileWindows")


@hookimpl(specname="register_generators")
def register_series_generators(register: Register) -> None:
    add = table(register, f"{__name__}.networks", **SERIES)
    add("tcn", "tcn:Generator", paper="arXiv:1907.06673")
    add("rcgan", "rcgan:Generator", paper="arXiv:1706.02633")


@hookimpl(specname="register_discriminators")
def register_series_discriminators(register: Register) -> None:
    add = table(register, f"{__name__}.networks", **SERIES)
    add("tcn", "tcn:Discriminator", paper="arXiv:1907.06673")
    add("rcgan", "rcgan:Discriminator", paper="arXiv:1706.02633")


@hookimpl(specname="register_extractors")
def register_series_extractors(register: Register) -> None:
    add = table(register, __name__, **SERIES)
    add("random-convolutions", "convolutions:RandomConvolutions", paper="arXiv:1910.13051")


@hookimpl(specname="register_metrics")
def register_series_metrics(register: Register) -> None:
    add = table(register, f"{__name__}.metrics", **SERIES)
    add("autocorrelation", "dependence:Autocorrelation", paper="arXiv:1907.06673")
    add("cross-correlation", "dependence:CrossCorrelation")
    add("spectrum", "spectrum:Spectrum")
    add("marginals", "marginals:Marginals")
    add("feature-c2st", "detection:FeatureC2ST", paper="arXiv:1610.06545")
    add("ar-coefficients", "coefficients:ARCoefficients")
