"""A JAX program as a user would write it, which ends in the way and at the place it is told to.

program.py ACTION RANK STEPS: process RANK does ACTION at step 5 of the first DIES_IN_EPOCHS epochs,
by default of all. The time of it goes into the file that DIED_AT names. Training goes on from the
checkpoint in CHECKPOINT, if that is set: process 0 writes it when should_stop() says so.
"""

import os
import signal
import sys
import time
from pathlib import Path

action, actor, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
epoch = int(os.environ["JAXRUN_EPOCH"])
dies = epoch <= int(os.environ.get("DIES_IN_EPOCHS", "1000"))
checkpoint = Path(os.environ["CHECKPOINT"]) if "CHECKPOINT" in os.environ else None


def now_die() -> None:
    Path(os.environ["DIED_AT"]).write_text(str(time.time()))


if action == "hang-at-start" and int(os.environ["JAXRUN_PROCESS_ID"]) == actor:
    now_die()

    def load_the_data() -> None:
        time.sleep(3600)

    load_the_data()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax.sharding import NamedSharding  # noqa: E402
from jax.sharding import PartitionSpec as P  # noqa: E402

import jaxrun  # noqa: E402

jax.distributed.initialize()
rank = jax.process_index()
mesh = jax.make_mesh((jax.device_count(),), ("data",))
ones = jax.make_array_from_process_local_data(
    NamedSharding(mesh, P("data")), jnp.ones((jax.local_device_count(),))
)
total = jax.jit(lambda x, k: (x * k).sum(), out_shardings=NamedSharding(mesh, P()))


class SlowlyPrintedError(ValueError):
    """Takes its time from the third time on: the first two are of the report to the launcher."""

    shown = 0

    def __str__(self) -> str:
        SlowlyPrintedError.shown += 1
        if SlowlyPrintedError.shown > 2:
            time.sleep(0.3)
        return super().__str__()


def act() -> None:
    now_die()
    print(f"process {rank}: {action}")
    if action == "exception":
        raise ValueError("bad batch")
    if action == "slow-traceback":
        raise SlowlyPrintedError("bad batch")
    if action == "nan":
        raise FloatingPointError("invalid value (nan) encountered in sub")
    if action == "device-oom":
        jnp.ones((1 << 46,), jnp.float32).block_until_ready()
    if action == "sys.exit(3)":
        sys.exit(3)
    if action == "raise-system-exit":
        raise SystemExit(3)
    if action == "os._exit(3)":
        os._exit(3)
    if action == "sys.exit(0)":
        sys.exit(0)
    if action == "os._exit(0)":
        os._exit(0)
    if action == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "SIGSEGV":
        os.kill(os.getpid(), signal.SIGSEGV)
    if action == "host-oom":
        hoard = []
        while True:
            hoard.append(b"x" * (32 << 20))


begin = int(checkpoint.read_text()) + 1 if checkpoint and checkpoint.exists() else 0
print(
    f"process {rank}: epoch {epoch} begins at step {begin}, attempt "
    f"{os.environ['JAXRUN_ATTEMPT']}, restarts {os.environ['JAXRUN_RESTARTS']}, "
    f"coordinator {os.environ['JAX_COORDINATOR_ADDRESS']}"
)
for step in range(begin, steps):
    # A Python float is waited for, as a loss that is printed would be.
    value = float(total(ones, float(step)))
    assert value == step * jax.device_count(), value
    jaxrun.report(step=step, value=value)
    if step == begin + 5 and rank == actor and dies:
        act()
    if action != "ignores-stop" and jaxrun.should_stop():
        print(f"process {rank}: stopping at step {step}")
        if rank == 0 and checkpoint:
            checkpoint.write_text(str(step))
        jaxrun.checkpointed(step)
        break
    time.sleep(0.01)
print(f"process {rank}: done after step {step}")
