"""JSON to and from bytes: by orjson where the user's image has it, else by the standard library."""

import json
from collections.abc import Callable
from typing import Any

from jaxrun.serve.errors import InvalidInput


def _standard_dumps(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


try:
    import orjson  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    _loads: Callable[[Any], Any] = json.loads
    dumps: Callable[[Any], bytes] = _standard_dumps
    """Raises TypeError or ValueError for what is no JSON."""
else:
    _loads = orjson.loads

    def dumps(value: Any) -> bytes:
        """Raises TypeError for what is no JSON."""
        return bytes(orjson.dumps(value))


def loads(text: "bytes | memoryview", what: str) -> Any:
    """Parsed; `what` is its name in the message.

    Raises InvalidInput where it is no JSON, or nested too deeply.
    """
    try:
        return _loads(text if isinstance(text, bytes) else bytes(text))
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidInput(f"{what} is not valid JSON: {reason}") from None
