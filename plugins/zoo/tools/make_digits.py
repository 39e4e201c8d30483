"""Make ganzoo_zoo/data/digits.safetensors from the test set of UCI's optdigits.

    python plugins/zoo/tools/make_digits.py optdigits.tes

The argument is UCI's ``optdigits.tes``, or scikit-learn's copy of it
(``sklearn/datasets/data/digits.csv.gz``): 1,797 lines of 64 levels in 0..16 and a label.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

TARGET = Path(__file__).parents[1] / "ganzoo_zoo" / "data" / "digits.safetensors"
METADATA = {
    "title": "Optical Recognition of Handwritten Digits, test set (1,797 digits)",
    "creators": "E. Alpaydin and C. Kaynak, 1998",
    "source": "UCI Machine Learning Repository, https://doi.org/10.24432/C50P49",
    "license": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "changes": "levels v in 0..16 became uint8, round(255 v / 16); the order is kept",
}


def main(source: Path) -> None:
    table = np.loadtxt(source, delimiter=",", dtype=np.int64)
    if table.shape != (1797, 65) or table[:, :64].min() != 0 or table[:, :64].max() != 16:
        raise SystemExit(f"{source} is not the test set of optdigits: shape {table.shape}")
    images = np.rint(table[:, :64] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    save_file(
        {"images": images, "labels": table[:, 64].astype(np.uint8)}, TARGET, metadata=METADATA
    )
    print(f"{TARGET}: {len(images)} digits, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
