"""Kinds of data. Each file holds all that ganzoo knows about one: image, video, audio and so on.

`SampleSpec` says what one sample is; `spec.kind` is the `Modality` that its `modality` names. The
rest of ganzoo asks that object and never compares the name. Plugins register modalities of their
own with the hook ``register_modalities``. Nothing here imports torch before it is used.
"""

from ganzoo.modalities.contract import COLUMN_KINDS as COLUMN_KINDS
from ganzoo.modalities.contract import MODALITIES as MODALITIES
from ganzoo.modalities.contract import PREVIEW_SUFFIXES as PREVIEW_SUFFIXES
from ganzoo.modalities.contract import STORED_DTYPES as STORED_DTYPES
from ganzoo.modalities.contract import BadModality as BadModality
from ganzoo.modalities.contract import Column as Column
from ganzoo.modalities.contract import Modality as Modality
from ganzoo.modalities.contract import ReadDataset as ReadDataset
from ganzoo.modalities.contract import SampleSpec as SampleSpec
from ganzoo.modalities.contract import Shape as Shape
from ganzoo.modalities.contract import modality as modality
from ganzoo.modalities.contract import register_modality as register_modality
from ganzoo.modalities.contract import what_is_wrong as what_is_wrong
from ganzoo.modalities.contract import write_npz as write_npz
