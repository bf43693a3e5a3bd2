import sysconfig
from pathlib import Path

import numpy as np

LIMIT_BYTES = 8_000_000
HELD_OUT = 20  # one byte of so many, at the end, is for the test


def load() -> tuple[np.ndarray, np.ndarray]:
    """Bytes to train on and bytes to test on, uint8, the same wherever Python's version is."""
    library = Path(sysconfig.get_path("stdlib"))
    sources = (
        path
        for path in sorted(library.rglob("*.py"))
        if not {"site-packages", "dist-packages", "test", "tests"} & set(path.parts)
    )
    text, size = [], 0
    for source in sources:
        text.append(source.read_bytes())
        size += len(text[-1])
        if size >= LIMIT_BYTES:
            break
    if not size:
        raise SystemExit(f"no Python source under {library}: install Python with its library")
    corpus = np.frombuffer(b"".join(text), dtype=np.uint8)[:LIMIT_BYTES]
    cut = len(corpus) - len(corpus) // HELD_OUT
    return corpus[:cut], corpus[cut:]


def windows(corpus: np.ndarray, step: int, batch: int, length: int, seed: int) -> np.ndarray:
    """A step's (batch, length) windows: the same in every process and after a restart."""
    starts = np.random.default_rng((seed, step)).integers(len(corpus) - length, size=batch)
    return corpus[starts[:, None] + np.arange(length)].astype(np.int32)
