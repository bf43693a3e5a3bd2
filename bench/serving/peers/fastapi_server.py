"""FastAPI with a jitted function. `NAIVE=1`: each text at its own length, as it comes."""

import os
from contextlib import asynccontextmanager

import uvicorn
from encoder import Encoder
from fastapi import FastAPI
from pydantic import BaseModel

NAIVE = bool(os.environ.get("NAIVE"))


class Request(BaseModel):
    texts: list[str]


class Answer(BaseModel):
    embeddings: list[list[float]]


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.encoder = Encoder()
    if not NAIVE:
        app.state.encoder.compile_all(most_texts=1)
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/embed")
def embed(request: Request) -> Answer:
    encoder: Encoder = app.state.encoder
    found = encoder.embed_unpadded(request.texts) if NAIVE else encoder.embed(request.texts)
    return Answer(embeddings=found.tolist())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False)
