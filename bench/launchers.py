"""What the launcher in a pod says at /status, by whose clock it and we both go."""

import json
import urllib.request
from typing import Any

from bench.pods import Pod

ANSWERS_WITHIN_SECONDS = 1.0

Status = dict[str, Any]


def ask(pod: Pod) -> Status | None:
    """None while nobody answers."""
    if pod.address is None:
        return None
    url = f"http://{pod.address}:9431/status"
    try:
        with urllib.request.urlopen(url, timeout=ANSWERS_WITHIN_SECONDS) as answer:
            status: Status = json.load(answer)
            return status
    except (OSError, ValueError):
        return None
