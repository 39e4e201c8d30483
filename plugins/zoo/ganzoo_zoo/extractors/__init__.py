"""Feature extractors: for the zoo's own data, for photographs, and networks from files of yours."""

from ganzoo.api import Register, RemoteFile, hookimpl, table

# The release states no hash; other projects state this one, and the file's name has its start.
INCEPTION = RemoteFile(
    name="pt_inception-2015-12-05-6726825d.pth",
    url=(
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth"
    ),
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)


@hookimpl
def register_extractors(register: Register) -> None:
    add = table(register, __name__, modalities={"image"}, license="Apache-2.0")
    add(
        "toy-cnn",
        "toy_cnn:ToyCNN",
        revision=2,
        datasets=["digits", "stacked-digits", "shapes", "emoji/noto"],
    )
    add("pixels", "pixels:Pixels", modalities={"image", "vector"}, datasets=["gaussians"])
    add("torchscript", "programs:TorchScript")
    add("exported", "programs:Exported")
    add("dinov2", "vision_transformers:Dinov2", paper="arXiv:2304.07193")
    add("clip", "vision_transformers:Clip", paper="arXiv:2103.00020")

    add = table(register, __name__, modalities={"image"})  # its weights have no stated licence
    add("inception", "inception:Inception", files=[INCEPTION], paper="arXiv:1706.08500")
