"""Writes data/ from the copy of the data set that scikit-learn bundles: `python make_data.py`.

569 fine-needle aspirates with 30 features each, 60 % for training and 40 % for testing, split by a fixed seed
with the same share of malignant cases on both sides. Two columns group the rows, for metrics by slice; their cut
points are the medians of the training rows, rounded to whole numbers.
"""

from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

SEED = 42
TEST_SHARE = 0.4
# Medians of the training rows: mean_radius 13.27, mean_texture 19.07.
SIZE_CUT = 13.0
TEXTURE_CUT = 19.0


def load() -> pd.DataFrame:
    """All rows: `row_id` (the row's place in the bundled file), 30 features, `malignant` (0 or 1), two groups."""
    bundle = load_breast_cancer(as_frame=True)
    rows = bundle.data.rename(columns=lambda name: name.replace(" ", "_"))
    rows.insert(0, "row_id", range(len(rows)))
    rows["malignant"] = (bundle.target == 0).astype("int64")
    rows["size"] = rows["mean_radius"].lt(SIZE_CUT).map({True: "small", False: "large"})
    rows["texture"] = rows["mean_texture"].lt(TEXTURE_CUT).map({True: "smooth", False: "coarse"})
    return rows


def main() -> None:
    rows = load()
    train, test = train_test_split(rows, test_size=TEST_SHARE, random_state=SEED, stratify=rows["malignant"])
    train, test = train.sort_values("row_id"), test.sort_values("row_id")
    print(train[["mean_radius", "mean_texture"]].median())
    data = Path(__file__).parent / "data"
    data.mkdir(exist_ok=True)
    train.to_parquet(data / "train.parquet", index=False)
    train.to_csv(data / "train.csv", index=False)
    test.to_parquet(data / "test.parquet", index=False)
    print(f"{len(train)} training rows, {len(test)} test rows in {data}")


if __name__ == "__main__":
    main()
