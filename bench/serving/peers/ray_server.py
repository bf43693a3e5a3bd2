"""Ray Serve with `@serve.batch`: one replica, batches of what comes within 5 ms."""

import os
import signal
import threading

import ray
from encoder import MOST_TEXTS, Encoder
from ray import serve
from starlette.requests import Request


@serve.deployment(
    num_replicas=1, max_ongoing_requests=10000, logging_config={"enable_access_log": False}
)
class Embedding:
    def __init__(self) -> None:
        self._encoder = Encoder()
        self._encoder.compile_all(MOST_TEXTS)

    @serve.batch(max_batch_size=MOST_TEXTS, batch_wait_timeout_s=0.005)
    async def embed(self, texts: list[str]) -> list[list[float]]:
        return self._encoder.embed(texts).tolist()

    async def __call__(self, request: Request) -> dict[str, list[list[float]]]:
        said = await request.json()
        return {"embeddings": [await self.embed(text) for text in said["texts"]]}


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=True)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Embedding.bind(), route_prefix="/")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
    serve.shutdown()
    ray.shutdown()
