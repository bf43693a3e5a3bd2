"""NaN and infinity in a model's answers."""

from typing import Any

import numpy as np


def not_finite(array: np.ndarray[Any, np.dtype[Any]]) -> int:
    """How many elements are NaN or infinite."""
    if array.dtype.kind in "biu":
        return 0
    return array.size - int(np.count_nonzero(np.isfinite(array)))
