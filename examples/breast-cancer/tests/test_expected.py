"""metrics.expected.json is what scikit-learn says of the checked-in predictions."""

import json
from pathlib import Path

import pandas as pd
import pytest

import make_expected

HERE = Path(__file__).parent.parent


def flat(table, path=()):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, (*path, key))
        else:
            yield "/".join((*path, key)), value


@pytest.mark.parametrize("version", ["candidate", "production"])
def test_table_is_current(version):
    stored = json.loads((HERE / "metrics.expected.json").read_text(encoding="utf-8"))[version]
    fresh = make_expected.table(pd.read_parquet(HERE / "predictions" / f"{version}.parquet"))
    assert dict(flat(stored)) == pytest.approx(dict(flat(fresh)), abs=1e-12, rel=0)
