"""An inference's answer as bytes: the JSON header, and binary tensors behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxrun.serve.errors import InvalidInput
from jaxrun.serve.http.datatypes import BINARY_ONLY, DATATYPES
from jaxrun.serve.http.plain_json import dumps
from jaxrun.serve.http.request import WantedOutput
from jaxrun.serve.http.tensors import Array, json_data, raw_bytes
from jaxrun.serve.model import Model


@dataclass(frozen=True, slots=True)
class Written:
    """header_length: of the JSON part where binary data follows it."""

    body: bytes
    header_length: int | None


def write_response(
    model: Model, id: str | None, wanted: Sequence[WantedOutput], outputs: Mapping[str, Array]
) -> Written:
    """The outputs in the order in which they are wanted.

    Raises InvalidInput where JSON cannot carry what it is asked to.
    """
    header: dict[str, Any] = {"model_name": model.name, "model_version": model.version}
    if id is not None:
        header["id"] = id
    tensors: list[dict[str, Any]] = []
    parts: list[bytes | memoryview] = [b""]
    for each in wanted:
        array = outputs[each.name]
        datatype = DATATYPES[array.dtype.name]
        tensor: dict[str, Any] = {
            "name": each.name,
            "datatype": datatype,
            "shape": list(array.shape),
        }
        if each.binary:
            data = raw_bytes(array)
            tensor["parameters"] = {"binary_data_size": len(data)}
            parts.append(data)
        elif datatype in BINARY_ONLY:
            raise InvalidInput(
                f"output {each.name}: {datatype} cannot be given in JSON: ask for binary_data"
            )
        else:
            tensor["data"] = json_data(array)
        tensors.append(tensor)
    header["outputs"] = tensors
    parts[0] = text = dumps(header)
    if len(parts) == 1:
        return Written(text, None)
    return Written(b"".join(parts), len(text))
