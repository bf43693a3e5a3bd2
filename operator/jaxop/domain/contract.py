"""The operator's side of the in-pod contract, images/runtime/contract.json, as typed constants.

The in-pod runtime has its own copy; a test on either side holds them to the same data.
"""

from typing import Final, Literal, get_args

from jaxop.api.v1alpha1.cause import Cause

VERSION: Final = 1

CONTAINER: Final = "jax"
INIT_CONTAINER: Final = "jaxrun-install"
VOLUME: Final = "jaxop-runtime"

ROOT: Final = "/jaxop"
LAUNCHER: Final = "/jaxop/jaxrun"
TERMINATION_LOG: Final = "/dev/termination-log"
CACHE_ROOT: Final = "/jaxop-cache"
CACHE_PUBLISHED: Final = "/jaxop-cache/published"
CACHE_STAGING: Final = "/jaxop-cache/staging"
CACHE_LOCAL: Final = "/jaxop-cache/local"
KEEPER_VOLUME: Final = "/jaxop-cache/volume"
KEEPER_POLICY: Final = "/jaxop-keeper/policy.json"

HTTP_PORT: Final = 9431
GANG_PORT: Final = 9430
KEEPER_PORT: Final = 9432
SERVING_PORT: Final = 8000
POD_LEFT_EXIT_CODES: Final = (137, 143)
"""What a launcher ends with that leaves alone, the gang going on without it: SIGKILL, SIGTERM. With
any other code but 0 the gang has ended."""

COORDINATOR_PORT_BASE: Final = 9440
COORDINATOR_PORT_COUNT: Final = 50
TPU_PROCESS_PORT: Final = 8476
MEGASCALE_PORT: Final = 8480

ENV_PREFIX: Final = "JAXRUN_"
ENV_JOB: Final = "JAXRUN_JOB"
ENV_ATTEMPT: Final = "JAXRUN_ATTEMPT"
ENV_NUM_PROCESSES: Final = "JAXRUN_NUM_PROCESSES"
ENV_PROCESS_BASE: Final = "JAXRUN_PROCESS_BASE"
ENV_HOSTS_PER_SLICE: Final = "JAXRUN_HOSTS_PER_SLICE"
ENV_GANG_ADDRESS: Final = "JAXRUN_GANG_ADDRESS"
ENV_TOKEN: Final = "JAXRUN_TOKEN"  # noqa: S105 - the variable's name, not a token
ENV_LOCAL_DEVICES: Final = "JAXRUN_LOCAL_DEVICES"
ENV_DEVICES_PER_CHIP: Final = "JAXRUN_DEVICES_PER_CHIP"
ENV_PLATFORM: Final = "JAXRUN_PLATFORM"
ENV_CHECKPOINT_DIR: Final = "JAXRUN_CHECKPOINT_DIR"
ENV_GRACE_SECONDS: Final = "JAXRUN_GRACE_SECONDS"
ENV_RESTART_POLICY: Final = "JAXRUN_RESTART_POLICY"
ENV_LEDGER: Final = "JAXRUN_LEDGER"
ENV_SUCCESS_POLICY: Final = "JAXRUN_SUCCESS_POLICY"
ENV_PREFLIGHT: Final = "JAXRUN_PREFLIGHT"
ENV_CACHE_NAMESPACE: Final = "JAXRUN_CACHE_NAMESPACE"
ENV_CACHE_OFFERS: Final = "JAXRUN_CACHE_OFFERS"
ENV_WARMUP: Final = "JAXRUN_WARMUP"
ENV_AHEAD_OF_TIME: Final = "JAXRUN_AHEAD_OF_TIME"
ENV_SERVE: Final = "JAXRUN_SERVE"
ENV_MODEL_DIR: Final = "JAXRUN_MODEL_DIR"
ENV_COMPLETION_INDEX: Final = "JOB_COMPLETION_INDEX"

SERVER_READS: Final = frozenset({ENV_SERVE, ENV_MODEL_DIR})
"""What the model server is told; the launcher passes it on."""

CAUSES: Final[tuple[str, ...]] = get_args(Cause)

GangState = Literal[
    "Joining",
    "Starting",
    "Compiling",
    "Running",
    "Checkpointing",
    "Stopping",
    "Restarting",
    "Succeeded",
    "Failed",
]
GANG_STATES: Final[tuple[str, ...]] = get_args(GangState)
