"""A request that does not fit the model's inputs is told what would."""

from typing import Any

import numpy as np
import pytest

from jaxrun.serve.errors import InvalidInput
from jaxrun.serve.model import Input
from jaxrun.serve.sizes import sizes_of

INPUTS = {
    "ids": Input(("batch", "length"), "int32"),
    "vector": Input(("batch", 3), "float32"),
}


def request(**changes: Any) -> dict[str, Any]:
    arrays = {"ids": np.zeros((2, 5), np.int32), "vector": np.zeros((2, 3), np.float32)}
    return {**arrays, **changes}


def test_every_named_dimension_has_its_size() -> None:
    assert sizes_of(INPUTS, request()) == {"batch": 2, "length": 5}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ids": request()["ids"]}, "input 'vector' is missing"),
        (request(mask=1), "input 'mask' is unknown; the model has ids, vector"),
        (request(ids=np.zeros((2, 5))), "input 'ids' is float64; it must be int32"),
        (
            request(vector=np.zeros((2, 4), np.float32)),
            r"input 'vector' has shape \[2, 4\]; it must be \[batch, 3\]",
        ),
        (
            request(ids=np.zeros(2, np.int32)),
            r"input 'ids' has shape \[2\]; it must be \[batch, length\]",
        ),
        (request(ids=np.zeros((2, 0), np.int32)), "input 'ids' has no length: shape"),
        (
            request(vector=np.zeros((3, 3), np.float32)),
            "input 'vector' has batch 3; another input has batch 2",
        ),
    ],
)
def test_what_does_not_fit_is_named(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        sizes_of(INPUTS, arrays)
