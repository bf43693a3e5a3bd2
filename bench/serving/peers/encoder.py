"""The encoder of `examples/minilm` as somebody who knows JAX would call it in a server."""

import jax
import numpy as np
from flax import nnx
from minilm import weights
from minilm.tokenize import Tokenizer

MOST_TEXTS = 64
SHORTEST, LONGEST = 16, 256


class Encoder:
    def __init__(self) -> None:
        model = weights.directory()
        graph, params = nnx.split(weights.load(model))
        self._params = jax.device_put(params)
        self._tokens = Tokenizer(model)
        self._encode = jax.jit(lambda params, ids, mask: nnx.merge(graph, params)(ids, mask))

    def embed(self, texts: list[str]) -> np.ndarray:
        """Embeddings, [texts, 384], by the smallest shape of powers of two that has them all."""
        ids, mask = self._tokens(texts)
        padded = (_power(len(texts), 1), _power(ids.shape[1], SHORTEST))
        return self._run(_grown(ids, padded), _grown(mask, padded))[: len(texts)]

    def embed_unpadded(self, texts: list[str]) -> np.ndarray:
        """As many shapes as there are lengths and numbers of texts."""
        return self._run(*self._tokens(texts))

    def compile_all(self, most_texts: int) -> None:
        """All shapes that `embed` may come to."""
        length = SHORTEST
        while length <= LONGEST:
            count = 1
            while count <= most_texts:
                ones = np.ones((count, length), np.int32)
                self._run(ones, ones)
                count *= 2
            length *= 2

    def _run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return np.asarray(self._encode(self._params, ids, mask))


def _power(size: int, least: int) -> int:
    return max(least, 1 << (size - 1).bit_length())


def _grown(tokens: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = shape
    return np.pad(tokens, ((0, rows - tokens.shape[0]), (0, columns - tokens.shape[1])))
