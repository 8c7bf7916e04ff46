#!/bin/sh
# Makes every checked-in file of this example anew, from the data set to the expected metrics.
# Needs: pip install -r requirements.txt
set -eu
cd "$(dirname "$0")"

python make_data.py
python train.py
python train.py --without error --out out/production.json
python train.py --only mean_radius mean_texture mean_smoothness --out out/three.json

python evaluate.py --predictions predictions/candidate.parquet --metrics predictions/metrics.json
python evaluate.py --model out/production.json --predictions predictions/production.parquet --metrics out/unused.json
python evaluate.py --model out/three.json --predictions ../blocked/predictions/candidate.parquet --metrics out/unused.json
cp predictions/production.parquet ../blocked/predictions/production.parquet

python make_expected.py
