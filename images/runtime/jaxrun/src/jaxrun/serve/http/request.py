"""An inference request's body, read into arrays: the JSON header, and binary tensors behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxrun.serve.buckets import BATCH
from jaxrun.serve.errors import InvalidInput
from jaxrun.serve.http.limits import ID_CHARACTERS, Limits
from jaxrun.serve.http.plain_json import loads
from jaxrun.serve.http.tensors import Array, Expected
from jaxrun.serve.model import Model

_MOST_MICROSECONDS = 2**53
_MOST_PRIORITY = 2**31
_REFUSED_PARAMETERS = (
    "shared_memory_region",
    "shared_memory_byte_size",
    "shared_memory_offset",
    "classification",
)


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """binary: as bytes behind the header rather than in JSON."""

    name: str
    binary: bool


@dataclass(frozen=True, slots=True)
class Read:
    """What a request says. timeout_seconds: None where it names none."""

    id: str | None
    inputs: dict[str, Array]
    rows: int
    outputs: tuple[WantedOutput, ...]
    timeout_seconds: float | None
    priority: int


class RequestReader:
    """For one model; `read` is what every inference pays for."""

    def __init__(self, model: Model, limits: Limits) -> None:
        self._expected = {
            name: Expected(name, declared, limits.largest)
            for name, declared in model.inputs.items()
        }
        self._in_json = tuple(WantedOutput(name, binary=False) for name in model.outputs)
        self._in_binary = tuple(WantedOutput(name, binary=True) for name in model.outputs)
        self._outputs = frozenset(model.outputs)

    def read(self, body: bytes, header_length: int | None) -> Read:
        """`header_length` is that of the JSON part where binary data follows it.

        Raises InvalidInput, with a message that names the field.
        """
        if header_length is None:
            header, binary = loads(body, "the request"), memoryview(b"")
        elif header_length > len(body):
            raise InvalidInput(
                f"Inference-Header-Content-Length is {header_length}, but the body has "
                f"{len(body)} bytes"
            )
        else:
            whole = memoryview(body)
            header, binary = loads(whole[:header_length], "the request"), whole[header_length:]
        if not isinstance(header, dict):
            raise InvalidInput("the request is not a JSON object")
        parameters = _parameters(header, "parameters")
        name = header.get("id")
        if name is not None and (not isinstance(name, str) or len(name) > ID_CHARACTERS):
            raise InvalidInput(f"id is not a string of at most {ID_CHARACTERS} characters")
        inputs = self._inputs(header.get("inputs"), binary)
        return Read(
            id=name,
            inputs=inputs,
            rows=len(next(iter(inputs.values()))),
            outputs=self._wanted(header.get("outputs"), parameters),
            timeout_seconds=_timeout(parameters),
            priority=_priority(parameters),
        )

    def _inputs(self, said: Any, binary: memoryview) -> dict[str, Array]:
        if not isinstance(said, list):
            raise InvalidInput("inputs is missing, or not a list")
        arrays: dict[str, Array] = {}
        sizes: dict[str, tuple[int, str]] = {}
        offset = 0
        for tensor in said:
            expected = self._named(tensor, arrays)
            shape = expected.shape(tensor)
            _agree(expected, shape, sizes)
            parameters = _parameters(tensor, f"input {expected.name}: parameters")
            size = parameters.get("binary_data_size")
            if size is None:
                if "data" not in tensor:
                    raise InvalidInput(
                        f"input {expected.name}: has neither data nor binary_data_size"
                    )
                arrays[expected.name] = expected.from_json(tensor["data"], shape)
                continue
            if type(size) is not int or size < 0 or offset + size > len(binary):
                raise InvalidInput(
                    f"input {expected.name}: binary_data_size is {size!r:.40}, but "
                    f"{len(binary) - offset} bytes of binary data are left"
                )
            arrays[expected.name] = expected.from_bytes(binary[offset : offset + size], shape)
            offset += size
        for name in self._expected:
            if name not in arrays:
                raise InvalidInput(f"input {name} is missing")
        if offset != len(binary):
            raise InvalidInput(
                f"the body has {len(binary) - offset} bytes of binary data that no input names"
            )
        return arrays

    def _named(self, tensor: Any, already: Mapping[str, Array]) -> Expected:
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if not isinstance(name, str):
            raise InvalidInput("inputs has an element without a name")
        expected = self._expected.get(name)
        if expected is None:
            known = ", ".join(self._expected)
            raise InvalidInput(f"input {name:.100} is unknown: the model takes {known}")
        if name in already:
            raise InvalidInput(f"input {name} is there twice")
        return expected

    def _wanted(self, said: Any, parameters: Mapping[str, Any]) -> tuple[WantedOutput, ...]:
        in_binary = parameters.get("binary_data_output") is True
        if said is None or said == []:
            return self._in_binary if in_binary else self._in_json
        if not isinstance(said, list) or len(said) > len(self._outputs):
            raise InvalidInput(f"outputs is not a list of at most {len(self._outputs)} outputs")
        wanted = []
        for tensor in said:
            name = tensor.get("name") if isinstance(tensor, dict) else None
            if not isinstance(name, str) or name not in self._outputs:
                known = ", ".join(sorted(self._outputs))
                raise InvalidInput(f"output {name!r:.100} is unknown: the model gives {known}")
            own = _parameters(tensor, f"output {name}: parameters")
            wanted.append(WantedOutput(name, bool(own.get("binary_data", in_binary))))
        return tuple(wanted)


def _agree(expected: Expected, shape: tuple[int, ...], sizes: dict[str, tuple[int, str]]) -> None:
    """Inputs that share a dimension have the same size of it."""
    for dim, size in zip(expected.declared.shape, shape, strict=True):
        if isinstance(dim, str):
            known, of = sizes.setdefault(dim, (size, expected.name))
            if known != size:
                what = "rows" if dim == BATCH else dim
                raise InvalidInput(
                    f"input {expected.name}: {what} {size}, but input {of} has {known}"
                )


def _parameters(of: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    parameters = of.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidInput(f"{what} is not an object")
    for name in _REFUSED_PARAMETERS:
        if parameters.get(name):
            raise InvalidInput(f"{what}: {name} is not supported")
    return parameters


def _timeout(parameters: Mapping[str, Any]) -> float | None:
    """In seconds; the protocol's parameter is in microseconds, and 0 is none."""
    said = parameters.get("timeout")
    if said is None or said == 0:
        return None
    if type(said) is not int or not 0 < said < _MOST_MICROSECONDS:
        raise InvalidInput(f"parameters: timeout is {said!r:.40}, not a number of microseconds")
    return said / 1e6


def _priority(parameters: Mapping[str, Any]) -> int:
    said = parameters.get("priority", 0)
    if type(said) is not int or not 0 <= said < _MOST_PRIORITY:
        raise InvalidInput(f"parameters: priority is {said!r:.40}, not an integer from 0")
    return said
