"""The model over HTTP: `uvicorn serve:app`.

POST /predict takes the model's features as one JSON object; a missing, unknown or non-finite one is a 422 that
names it. GET /healthz answers once the model is loaded.
"""

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, create_model

from model import Model

model = Model.load()
app = FastAPI(title="breast-cancer", description=model.name)

Features = create_model(
    "Features",
    __config__=ConfigDict(extra="forbid"),
    **{name: (FiniteFloat, Field(description=f"training mean {f['mean']:.4g}")) for name, f in model.features.items()},
)


class Prediction(BaseModel):
    malignant: bool
    probability: float
    version: str


@app.post("/predict")
def predict(features: Features) -> Prediction:
    probability = model.probability(features.model_dump())
    return Prediction(malignant=probability >= model.threshold, probability=probability, version=model.name)


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok", "version": model.name}
