"""Does the model, on this device, answer as its author saw it answer?"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxrun.serve.engine.finite import not_finite
from jaxrun.serve.errors import LoadFailed
from jaxrun.serve.model import Golden


def verify(
    number: int, golden: Golden, answer: Mapping[str, np.ndarray[Any, np.dtype[Any]]]
) -> None:
    """Raises LoadFailed with the output's name and the largest error where the answer is wrong."""
    for name, right in golden.outputs.items():
        got, wanted = answer[name], np.asarray(right)
        where = f"golden[{number}]: output {name!r}"
        if got.shape != wanted.shape:
            raise LoadFailed(f"{where} has shape {list(got.shape)}, expected {list(wanted.shape)}")
        if bad := not_finite(got):
            raise LoadFailed(f"{where} has {bad} values of {got.size} that are NaN or infinite")
        exact = wanted.astype(np.float64)
        error = np.abs(got.astype(np.float64) - exact)
        over = error > golden.atol + golden.rtol * np.abs(exact)
        if over.any():
            worst = np.unravel_index(int(error.argmax()), error.shape)
            at = [int(index) for index in worst]
            raise LoadFailed(
                f"{where} differs by up to {error[worst]:.3g} (at {at}: {got[worst]:.6g}, "
                f"expected {exact[worst]:.6g}) in {int(over.sum())} values of {over.size}; "
                f"rtol {golden.rtol:g} and atol {golden.atol:g} allow less"
            )
