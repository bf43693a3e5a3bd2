"""What a launcher says to somebody who reaches its pod without asking the API server."""

import json
import urllib.request

from e2e.tests.namespace import Seen

ANSWERS_WITHIN_SECONDS = 2.0


def ask(pod: Seen) -> Seen:
    """`/status`. Raises OSError if nobody answers."""
    url = f"http://{pod['status']['podIP']}:9431/status"
    with urllib.request.urlopen(url, timeout=ANSWERS_WITHIN_SECONDS) as answer:
        status: Seen = json.load(answer)
        return status
