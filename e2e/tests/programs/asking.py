"""Asks a service without a pause, in several threads, until /tmp/stop is there; says how it went.

Each request has a connection of its own, and is never tried again: what goes wrong once shows.
"""

import collections
import json
import pathlib
import sys
import threading
import time
import urllib.request

THREADS = 4
PAUSE_SECONDS = 0.02
STOP = pathlib.Path("/tmp/stop")
X = 7.0
BODY = json.dumps(
    {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [X]}]}
).encode()


class Asking:
    def __init__(self, url: str) -> None:
        self.url = f"{url}/v2/models/times/infer"
        self.weights: collections.Counter[float] = collections.Counter()
        self.failures: list[str] = []
        self.seconds: list[float] = []
        self.lock = threading.Lock()

    def ask(self) -> float:
        request = urllib.request.Request(self.url, BODY, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return float(json.load(answer)["outputs"][0]["data"][0]) / X

    def until_stopped(self) -> None:
        while not STOP.exists():
            began = time.monotonic()
            try:
                weight = self.ask()
            except Exception as error:
                said = f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}"
                with self.lock:
                    self.failures.append(said)
            else:
                with self.lock:
                    self.weights[weight] += 1
                    self.seconds.append(time.monotonic() - began)
            time.sleep(PAUSE_SECONDS)


def main() -> None:
    asking = Asking(sys.argv[1])
    threads = [threading.Thread(target=asking.until_stopped) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    print("asking", flush=True)
    for thread in threads:
        thread.join()
    told = {
        "answered": {f"{weight:g}": count for weight, count in asking.weights.items()},
        "failures": asking.failures,
        "longestSeconds": max(asking.seconds, default=None),
    }
    print(f"told: {json.dumps(told)}", flush=True)


main()
