"""One line for each log record, as text for people or as JSON for machines, on stderr."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_QUIETER: Final = ("kopf", "asyncio", "aiohttp.access", "kubernetes")
"""Libraries that tell much that no admin needs: heard from WARNING upwards."""


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")


def configure(log_format: str, level: str) -> None:
    """Replaces whatever handlers there are."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    if level != "debug":
        for name in _QUIETER:
            logging.getLogger(name).setLevel(logging.WARNING)
