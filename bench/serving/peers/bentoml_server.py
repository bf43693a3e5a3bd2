"""BentoML with adaptive batching: requests of one text each are batched by the framework."""

import bentoml
import numpy as np
from encoder import MOST_TEXTS, Encoder


@bentoml.service(workers=1, traffic={"timeout": 10, "max_concurrency": 10000})
class Embedding:
    def __init__(self) -> None:
        self._encoder = Encoder()
        self._encoder.compile_all(MOST_TEXTS)

    @bentoml.api(route="/embed", batchable=True, max_batch_size=MOST_TEXTS, max_latency_ms=1000)
    def embed(self, texts: list[str]) -> np.ndarray:
        return self._encoder.embed(texts)
