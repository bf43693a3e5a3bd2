"""The protocol's names of element types, and numpy's."""

from typing import Any, Final

import numpy as np

DATATYPES: Final = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "bfloat16": "BF16",
    "float32": "FP32",
    "float64": "FP64",
}
BINARY_ONLY: Final = frozenset({"BF16"})
"""Those that JSON does not carry."""


def numpy_dtype(name: str) -> "np.dtype[Any]":
    """Of a model's dtype; bfloat16 comes with JAX's own ml_dtypes."""
    if name == "bfloat16":
        import ml_dtypes

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(name)
