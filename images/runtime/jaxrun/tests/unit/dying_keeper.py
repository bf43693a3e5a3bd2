"""`dying_keeper.py VOLUME POLICY K`: a keeper that is gone before its K-th step on the file system.

Prints how many there were if it got to its end.
"""

import os
import sys
from pathlib import Path
from typing import Any

from jaxrun.cache.keeper.passes import Keeper

STEPS = {
    "open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.scandir",
    "os.listdir",
}  # fmt: skip
volume, policy, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
steps = 0


def step(event: str, *_: Any) -> None:
    global steps
    if event in STEPS:
        steps += 1
        if steps == last:
            os._exit(9)


def stepped(function: Any) -> Any:
    def call(*arguments: Any) -> Any:
        step("open")
        return function(*arguments)

    return call


keeper = Keeper(volume, policy)
os.write, os.fsync = stepped(os.write), stepped(os.fsync)
sys.addaudithook(step)
keeper.one_pass()
sys.stdout.write(f"{steps}")
sys.stdout.flush()
os._exit(0)
