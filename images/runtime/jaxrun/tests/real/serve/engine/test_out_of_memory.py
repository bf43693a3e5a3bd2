"""A device without memory, as far as a CPU can be one: a real RESOURCE_EXHAUSTED of XLA."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("hungry_process.py")
SOURCE = Path(__file__).parents[4] / "src"


def test_a_batch_that_finds_no_memory_fails_alone_and_three_in_a_row_break_the_engine() -> None:
    # glibc keeps no freed memory, so that the limit of the process is one for its batches.
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "MALLOC_ARENA_MAX": "1", "XLA_FLAGS": ""}
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], env=env, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    no_memory = "DeviceOutOfMemory"
    assert seen["fits"] == ["answer", "answer"]
    assert seen["alternating"] == [no_memory, "answer", no_memory, no_memory, "answer"]
    assert seen["unbroken"]
    assert seen["in_a_row"] == [no_memory, no_memory, no_memory, "EngineBroken"]
    assert seen["count"] == 6
    assert seen["broken"].startswith(
        "3 batches in a row ran out of device memory; the last: bucket batch=8: "
    )
