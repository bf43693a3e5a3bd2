"""Triton with its dynamic batcher and a Python model, by NVIDIA's PyTriton.

Triton's Python backend wants a numpy below 2 and JAX one above. They are two processes anyway: the
backend runs in the environment that STUB_ENVIRONMENT names, this program in its own.
"""

import os
import signal
import sys
import threading

import numpy as np
from encoder import MOST_TEXTS, Encoder
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

sys.exec_prefix = os.environ["STUB_ENVIRONMENT"]


def main() -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    encoder = Encoder()
    encoder.compile_all(MOST_TEXTS)

    @batch
    def embed(text: np.ndarray) -> dict[str, np.ndarray]:
        return {"embedding": encoder.embed([one.decode() for one in text[:, 0]])}

    port = int(os.environ["PORT"])
    addresses = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    with Triton(config=TritonConfig(http_address="127.0.0.1", **addresses)) as triton:
        triton.bind(
            model_name="minilm",
            infer_func=embed,
            inputs=[Tensor(name="text", dtype=np.bytes_, shape=(1,))],
            outputs=[Tensor(name="embedding", dtype=np.float32, shape=(384,))],
            config=ModelConfig(
                max_batch_size=MOST_TEXTS,
                batcher=DynamicBatcher(max_queue_delay_microseconds=5000),
            ),
        )
        triton.run()
        stopped.wait()


if __name__ == "__main__":
    main()
