"""Texts to token ids, with the tokenizer that the model was trained with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tokenizers

LONGEST = 256
"""Tokens, the two at the ends included; what a text has beyond them is not read."""


class Tokenizer:
    def __init__(self, model: Path) -> None:
        self._tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.enable_padding()

    def __call__(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids and mask, int32, (texts, tokens of the longest); padding is 0 in both."""
        encodings = self._tokenizer.encode_batch_fast(texts)
        ids = np.array([encoding.ids for encoding in encodings], np.int32)
        mask = np.array([encoding.attention_mask for encoding in encodings], np.int32)
        return ids, mask
