"""The server gives the model's answer, and names what is wrong with a request."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from model import Model
from serve import app

PAYLOAD = json.loads((Path(__file__).parent.parent / "payload.json").read_text(encoding="utf-8"))
client = TestClient(app)


def test_predicts_as_the_model_does():
    answer = client.post("/predict", json=PAYLOAD).json()
    assert answer["probability"] == Model.load().probability(PAYLOAD)
    assert answer["malignant"] == (answer["probability"] >= 0.5)


@pytest.mark.parametrize("change", [{"mean_radius": None}, {"mean_radius": "wide"}, {"mean_radios": 1.0}])
def test_a_bad_request_is_a_422_that_names_the_field(change):
    answer = client.post("/predict", json=PAYLOAD | change)
    assert answer.status_code == 422
    assert next(iter(change)) in answer.text


def test_healthz_tells_the_version():
    assert client.get("/healthz").json()["version"] == Model.load().name
