"""A data-parallel loop as small as can be; says when it runs and when it steps, as JSON lines.

Runs in the pods, with jaxrun and without.
"""

import importlib.util
import json
import os
import time

BEGAN = time.time()


def say(event: str, at: float) -> None:
    epoch = int(os.environ.get("JAXRUN_EPOCH", "0"))
    print("bench: " + json.dumps({"event": event, "time": at, "epoch": epoch}), flush=True)


def main() -> None:
    say("began", BEGAN)
    import jax
    import numpy as np
    from jax.experimental import multihost_utils

    launched = importlib.util.find_spec("jaxrun") is not None
    if launched:
        import jaxrun

    jax.distributed.initialize()
    say("initialised", time.time())
    # Two deaths at the same step would be the program's fault.
    first = step = int(BEGAN) % 10_000_000
    while True:
        multihost_utils.process_allgather(np.array(step))
        if step == first:
            say("stepped", time.time())
        if launched:
            jaxrun.report(step=step)
            if jaxrun.should_stop():
                return
        step += 1
        time.sleep(0.1)


main()
