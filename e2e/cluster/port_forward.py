"""A port of a Service or pod on this machine, as long as somebody needs it: on any cluster."""

import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl

STARTS_WITHIN_SECONDS = 30.0
_FORWARDING = re.compile(r"^Forwarding from 127\.0\.0\.1:(\d+) ")


@contextmanager
def forwarded(kubectl: Kubectl, namespace: str, target: str, port: int) -> Iterator[int]:
    """The free port of 127.0.0.1 that leads there; of a Service, to one of its pods.

    `target` is as kubectl has it: service/NAME, pod/NAME. Raises ClusterError if it is not
    forwarded.
    """
    argv = kubectl.command(
        *("port-forward", f"--namespace={namespace}", "--address=127.0.0.1", target, f":{port}")
    )
    # Without a buffer, which may have the line that select waits for.
    process = subprocess.Popen(argv, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield _port(process, target)
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _port(process: "subprocess.Popen[bytes]", target: str) -> int:
    """As it says itself, in one of its first lines."""
    said = b""
    assert process.stdout is not None
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        line = process.stdout.readline()
        if not line:
            break
        found = _FORWARDING.match(line.decode(errors="replace"))
        if found:
            return int(found[1])
        said += line
    raise ClusterError(f"kubectl port-forward {target}: {said.decode(errors='replace').strip()}")
