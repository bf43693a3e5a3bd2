"""What is read from an inference request, and with which words it is refused."""

import json
import math
from typing import Any

import numpy as np
import pytest

from jaxrun.serve import Input, InvalidInput, Model, Output
from jaxrun.serve.http.limits import limits_of
from jaxrun.serve.http.request import Read, RequestReader
from jaxrun.serve.http.response import write_response


def a_model(dtype: str = "int32", **inputs: Input) -> Model:
    return Model(
        name="m",
        function=lambda params, inputs: {"y": inputs["ids"], "z": inputs["ids"]},
        params={},
        inputs={"ids": Input(("batch", "length"), dtype), **inputs},
        outputs={"y": Output(("batch", "length")), "z": Output(("batch", "length"))},
        buckets={"batch": (1, 2, 4), "length": (128, 256)},
    )


def read(body: Any, binary: bytes = b"", model: Model | None = None) -> Read:
    model = model or a_model()
    text = json.dumps(body).encode()
    length = len(text) if binary else None
    return RequestReader(model, limits_of(model)).read(text + binary, length)


def ids(data: Any = None, shape: Any = (1, 3), datatype: Any = "INT32", **rest: Any) -> Any:
    tensor = {"name": "ids", "shape": list(shape), "datatype": datatype, **rest}
    return tensor if data is None else {**tensor, "data": data}


def refusal(body: Any, binary: bytes = b"", model: Model | None = None) -> str:
    with pytest.raises(InvalidInput) as refused:
        read(body, binary, model)
    return str(refused.value)


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_json_data_flat_or_nested(data: Any) -> None:
    found = read({"id": "a", "inputs": [ids(data, (2, 3))]})
    assert (found.id, found.rows) == ("a", 2)
    assert found.inputs["ids"].dtype == np.int32
    assert found.inputs["ids"].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_binary_data_is_not_copied() -> None:
    model = a_model()
    text = json.dumps({"inputs": [ids(parameters={"binary_data_size": 12})]}).encode()
    body = text + np.array([7, 8, 9], np.int32).tobytes()
    found = RequestReader(model, limits_of(model)).read(body, len(text)).inputs["ids"]
    assert found.tolist() == [[7, 8, 9]]
    base = np.frombuffer(body, np.uint8).__array_interface__["data"][0]
    assert found.__array_interface__["data"][0] == base + len(text)


@pytest.mark.parametrize(
    ("dtype", "datatype", "values"),
    [
        ("bool", "BOOL", [True, False, True]),
        ("uint8", "UINT8", [0, 1, 255]),
        ("uint64", "UINT64", [0, 1, 2**64 - 1]),
        ("int8", "INT8", [-128, 0, 127]),
        ("int64", "INT64", [-(2**63), 0, 2**63 - 1]),
        ("float16", "FP16", [0.5, -2, 1e3]),
        ("float32", "FP32", [0.5, -2, 1e3]),
        ("float64", "FP64", [0.5, 1e300, 0.1]),
    ],
)
def test_each_datatype_comes_and_goes_in_json_and_binary(
    dtype: str, datatype: str, values: list[Any]
) -> None:
    model = a_model(dtype)
    in_json = read({"inputs": [ids(values, datatype=datatype)]}, model=model)
    array = in_json.inputs["ids"]
    assert array.dtype == dtype
    assert array[0].tolist() == values
    raw = array.tobytes()
    tensor = ids(datatype=datatype, parameters={"binary_data_size": len(raw)})
    wanted = [{"name": "y", "parameters": {"binary_data": True}}, {"name": "z"}]
    found = read({"inputs": [tensor], "outputs": wanted}, raw, model)
    assert np.array_equal(found.inputs["ids"], array)
    written = write_response(model, None, found.outputs, {"y": array, "z": array})
    assert written.header_length is not None
    header = json.loads(written.body[: written.header_length])
    assert written.body[written.header_length :] == raw
    assert header["outputs"] == [
        {
            "name": "y",
            "datatype": datatype,
            "shape": [1, 3],
            "parameters": {"binary_data_size": len(raw)},
        },
        {"name": "z", "datatype": datatype, "shape": [1, 3], "data": values},
    ]


def test_bfloat16_is_binary_only() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    model = a_model("bfloat16")
    array = np.array([[1.5, -2, 3]], ml_dtypes.bfloat16)
    tensor = ids(datatype="BF16", parameters={"binary_data_size": 6})
    found = read({"inputs": [tensor]}, array.tobytes(), model)
    assert np.array_equal(found.inputs["ids"], array)
    said = refusal({"inputs": [ids([1.5, -2, 3], datatype="BF16")]}, model=model)
    assert said == "input ids: BF16 cannot be given in JSON: send binary data"
    with pytest.raises(InvalidInput, match="output y: BF16 cannot be given in JSON"):
        write_response(model, None, found.outputs, {"y": array, "z": array})


def test_what_json_lacks_becomes_null() -> None:
    array = np.array([[math.nan, math.inf, 1.0]], np.float32)
    wanted = read({"inputs": [ids([1, 2, 3])], "outputs": [{"name": "y"}]}).outputs
    body = write_response(a_model(), "a", wanted, {"y": array}).body
    assert json.loads(body)["outputs"][0]["data"] == [None, None, 1.0]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (ids([1], (1, 300)), "input ids: length 300 is more than the largest bucket 256"),
        (ids([1], (5, 3)), "input ids: batch 5 is more than the largest bucket 4"),
        (ids([1], (0, 3)), "input ids: batch is 0, and must be at least 1"),
        (ids([1], (3,)), "input ids: shape is [3], the model takes [batch, length]"),
        (ids([1], (1, 2.5)), "input ids: shape is [1, 2.5], not a list of integers"),
        (ids([1], (1, True)), "input ids: shape is [1, True], not a list of integers"),
        (ids([1], datatype="FP32"), "input ids: datatype is 'FP32', the model takes INT32"),
        (ids(["a"], datatype="BYTES"), "input ids: datatype is 'BYTES', the model takes INT32"),
        (ids([1, 2]), "input ids: data has 2 elements, but shape [1, 3] has 3"),
        (ids([1, 2, 1.5]), "input ids: data has 1.5, which is no INT32"),
        (ids([1, 2, None]), "input ids: data has None, which is no INT32"),
        (ids([1, 2, True]), "input ids: data has True, which is no INT32"),
        (ids([1, 2, 2**31]), "input ids: data has 2147483648, which is no INT32"),
        (ids([1, 2, 10**30]), f"input ids: data has {10**30}, which is no INT32"),
        (ids([[1, 2], [3]]), "input ids: data is not nested as its shape [1, 3]"),
        (ids([[[1, 2, 3]]]), "input ids: data is not nested as its shape [1, 3]"),
        (ids("123"), "input ids: data is '123', not a list"),
        (ids(), "input ids: has neither data nor binary_data_size"),
        ({**ids([1, 2, 3]), "name": "idx"}, "input idx is unknown: the model takes ids"),
        ({"datatype": "INT32"}, "inputs has an element without a name"),
        (
            ids(parameters={"shared_memory_region": "r"}),
            "input ids: parameters: shared_memory_region is not supported",
        ),
    ],
)
def test_each_refusal_names_the_field_and_what_would_be_right(tensor: Any, message: str) -> None:
    assert refusal({"inputs": [tensor]}) == message


@pytest.mark.parametrize(
    ("size", "binary", "message"),
    [
        (12, b"1" * 11, "binary_data_size is 12, but 11 bytes of binary data are left"),
        (-1, b"1" * 12, "binary_data_size is -1, but 12 bytes of binary data are left"),
        (8, b"1" * 8, "8 bytes of binary data, but shape [1, 3] of INT32 has 12"),
        (12, b"1" * 13, "the body has 1 bytes of binary data that no input names"),
    ],
)
def test_binary_sizes_must_agree(size: int, binary: bytes, message: str) -> None:
    assert message in refusal({"inputs": [ids(parameters={"binary_data_size": size})]}, binary)


def test_a_bool_is_0_or_1() -> None:
    tensor = ids(datatype="BOOL", parameters={"binary_data_size": 3})
    said = refusal({"inputs": [tensor]}, b"\0\1\2", a_model("bool"))
    assert said == "input ids: binary data of BOOL has bytes beside 0 and 1"


def test_inputs_agree_about_what_they_share() -> None:
    model = a_model(mask=Input(("batch", "length"), "int32"))
    mask = {**ids([1, 1], (1, 2)), "name": "mask"}
    said = refusal({"inputs": [ids([1, 2, 3]), mask]}, model=model)
    assert said == "input mask: length 2, but input ids has 3"
    assert refusal({"inputs": [ids([1, 2, 3])]}, model=model) == "input mask is missing"
    twice = {"inputs": [ids([1, 2, 3]), ids([1, 2, 3])]}
    assert refusal(twice, model=model) == "input ids is there twice"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ({"id": 7}, "id is not a string of at most 256 characters"),
        ({"outputs": [{"name": "x"}]}, "output 'x' is unknown: the model gives y, z"),
        ({"outputs": [{}] * 3}, "outputs is not a list of at most 2 outputs"),
        ({"parameters": {"timeout": -1}}, "parameters: timeout is -1"),
        ({"parameters": {"priority": "high"}}, "parameters: priority is 'high'"),
        ({"parameters": []}, "parameters is not an object"),
    ],
)
def test_the_rest_of_a_request(rest: dict[str, Any], message: str) -> None:
    assert message in refusal({"inputs": [ids([1, 2, 3])], **rest})


def test_deadline_and_priority_are_told() -> None:
    found = read({"inputs": [ids([1, 2, 3])], "parameters": {"timeout": 1500, "priority": 2}})
    assert (found.timeout_seconds, found.priority) == (0.0015, 2)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b"\xff", b"[]", b"3", b'{"inputs": 3}']
)
def test_what_is_no_request(body: bytes) -> None:
    model = a_model()
    with pytest.raises(InvalidInput):
        RequestReader(model, limits_of(model)).read(body, None)


def test_a_header_longer_than_the_body() -> None:
    model = a_model()
    with pytest.raises(InvalidInput, match="is 10, but the body has 2 bytes"):
        RequestReader(model, limits_of(model)).read(b"{}", 10)


def test_many_long_strings_cost_no_more_memory_than_they_have() -> None:
    data = ["x" * 2**20, *["y"] * 700]
    said = refusal({"inputs": [ids(data, (4, 256))]})
    assert "data has 701 elements" in said
    said = refusal({"inputs": [ids(data[:256], (1, 256))]})
    assert said.endswith("..., which is no INT32")
