"""A real server, asked by an existing client of the Open Inference Protocol and byte by byte."""

import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from served import Served
from tritonclient.utils import InferenceServerException

X = np.array([[0.5, -1, 3], [4, 5, 6]], np.float32)
FLAGS = np.array([True, False])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"), "serve_models:double").start()
    served.wait_until_ready()
    yield served
    served.close()


@pytest.fixture
def client(server: Served) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    yield client
    client.close()


def inputs(binary: bool = True) -> list[Any]:
    x, flags = triton.InferInput("x", [2, 3], "FP32"), triton.InferInput("flags", [2], "BOOL")
    x.set_data_from_numpy(X, binary_data=binary)
    flags.set_data_from_numpy(FLAGS, binary_data=binary)
    return [x, flags]


def body(x: Any = None, **more: Any) -> dict[str, Any]:
    x = [[1.0, 2.0]] if x is None else x
    shape = [len(x), len(x[0])]
    return {
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": shape, "data": x},
            {"name": "flags", "datatype": "BOOL", "shape": shape[:1], "data": [True] * len(x)},
        ],
        **more,
    }


def test_the_client_finds_server_and_model(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("double")
    assert client.is_model_ready("double", "3")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert client.get_model_metadata("double") == {
        "name": "double",
        "versions": ["3"],
        "platform": "jax",
        "inputs": [
            {"name": "x", "shape": [-1, -1], "datatype": "FP32"},
            {"name": "flags", "shape": [-1], "datatype": "BOOL"},
        ],
        "outputs": [
            {"name": "y", "shape": [-1, -1], "datatype": "FP32"},
            {"name": "half", "shape": [-1, -1], "datatype": "BF16"},
            {"name": "negated", "shape": [-1], "datatype": "BOOL"},
        ],
    }


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_the_client_infers(
    client: triton.InferenceServerClient, binary_in: bool, binary_out: bool, compression: str | None
) -> None:
    wanted = [
        triton.InferRequestedOutput("negated", binary_data=binary_out),
        triton.InferRequestedOutput("y", binary_data=binary_out),
    ]
    answer = client.infer(
        "double",
        inputs(binary_in),
        model_version="3",
        outputs=wanted,
        request_id="seven",
        request_compression_algorithm=compression,
    )
    assert answer.get_response()["id"] == "seven"
    assert answer.get_response()["model_version"] == "3"
    assert np.array_equal(answer.as_numpy("y"), 2 * X)
    assert np.array_equal(answer.as_numpy("negated"), ~FLAGS)
    assert answer.as_numpy("half") is None


def test_all_outputs_in_binary_where_none_is_named(client: triton.InferenceServerClient) -> None:
    answer = client.infer("double", inputs())
    assert np.array_equal(answer.as_numpy("half"), 2 * X)
    assert np.array_equal(answer.as_numpy("y"), 2 * X)


def test_the_client_reads_refusals(client: triton.InferenceServerClient) -> None:
    wide = triton.InferInput("x", [1, 9], "FP32")
    wide.set_data_from_numpy(np.zeros((1, 9), np.float32))
    with pytest.raises(InferenceServerException) as refused:
        client.infer("double", [wide])
    assert refused.value.status() == "400"
    assert refused.value.message() == "input x: length 9 is more than the largest bucket 8"
    with pytest.raises(InferenceServerException, match="no model triple: this server has double"):
        client.infer("triple", inputs())
    with pytest.raises(InferenceServerException, match="no version 4: double has 3"):
        client.infer("double", inputs(), model_version="4")


@pytest.mark.parametrize(
    ("method", "path", "data", "headers", "status", "message"),
    [
        ("GET", "/v2/models/double/infer", None, {}, 405, "only POST"),
        ("POST", "/v2", b"", {}, 405, "only GET"),
        ("GET", "/v3", None, {}, 404, "no /v3"),
        ("POST", "/v2/models/double/infer", b"{", {}, 400, "the request is not valid JSON"),
        (
            "POST",
            "/v2/models/double/infer",
            b"{}",
            {"Content_Encoding": "br"},
            400,
            "Content-Encoding is 'br', not gzip, deflate or identity",
        ),
        (
            "POST",
            "/v2/models/double/infer",
            gzip.compress(b"{}")[:-4],
            {"Content_Encoding": "gzip"},
            400,
            "it ends early",
        ),
        (
            "POST",
            "/v2/models/double/infer",
            b"{}",
            {"X_Request_Timeout_Ms": "soon"},
            400,
            "X-Request-Timeout-Ms is 'soon', not a number of milliseconds",
        ),
        (
            "POST",
            "/v2/models/double/infer",
            b"{}",
            {"Inference_Header_Content_Length": "-2"},
            400,
            "Inference-Header-Content-Length is '-2', not a length",
        ),
    ],
)
def test_each_error_is_json_and_says_what_is_wrong(
    server: Served,
    method: str,
    path: str,
    data: bytes | None,
    headers: dict[str, str],
    status: int,
    message: str,
) -> None:
    found, _, said = server.ask(method, path, data, **headers)
    assert found == status
    assert message in said["error"]


def test_bf16_is_asked_for_in_binary(server: Served) -> None:
    status, _, said = server.ask("POST", "/v2/models/double/infer", body())
    assert status == 400
    assert said["error"] == "output half: BF16 cannot be given in JSON: ask for binary_data"


@pytest.mark.parametrize("named", [True, False])
def test_a_body_beyond_all_need_is_refused_and_its_sender_reads_so(
    server: Served, named: bool
) -> None:
    size = 8 * 2**20
    parts = (b"x" * 2**16 for _ in range(size // 2**16))
    with socket.create_connection(("127.0.0.1", server.port), 30) as peer:
        length = f"Content-Length: {size}" if named else "Transfer-Encoding: chunked"
        head = f"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n"
        peer.sendall(head.encode())
        for part in parts:
            peer.sendall(part if named else b"%x\r\n%s\r\n" % (len(part), part))
        if not named:
            peer.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: peer.recv(2**16), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"the largest request of this model needs less than" in answer


def test_a_bomb_is_not_unpacked(server: Served) -> None:
    bomb = gzip.compress(b" " * 2**28)
    before = server.peak_bytes()
    status, _, said = server.ask("POST", "/v2/models/double/infer", bomb, Content_Encoding="gzip")
    assert status == 413, said
    assert server.peak_bytes() - before < 2**26


def test_an_endless_head_is_cut_off(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 30) as peer:
        peer.sendall(b"GET /v2 HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            peer.sendall(b"y" * 2**24)
    assert server.ask("GET", "/v2")[0] == 200


def test_a_route_runs_the_users_code_around_the_model(server: Served) -> None:
    assert server.ask("POST", "/double", {"values": [1, 2.5]})[2] == {"doubled": [2.0, 5.0]}
    status, _, said = server.ask("POST", "/double", {"value": []})
    assert (status, said) == (400, {"error": "values is missing, or not a list"})
    status, _, said = server.ask("POST", "/double", {"values": [0] * 9})
    assert status == 400
    assert "length" in said["error"]
    assert "8" in said["error"]
    status, _, said = server.ask("POST", "/double", "defect")
    assert (status, said) == (500, {"error": "the server failed at this request; its log says why"})
    assert "a defect of the user's code" in server.out


def test_status_and_metrics(server: Served) -> None:
    assert server.ask("POST", "/double", {"values": [1]})[0] == 200
    said = server.ask("GET", "/status")[2]
    assert (said["model"], said["version"], said["state"]) == ("double", "3", "Ready")
    assert (said["bucketsReady"], said["bucketsTotal"]) == (4, 4)
    assert said["requests"] >= 1
    page = server.ask("GET", "/metrics")[2]
    assert "jaxrun_serve_" in page
    json.dumps(said, allow_nan=False)
