"""What the operator and this runtime agree on: contract.json as typed constants.

The data is images/runtime/contract.json; tests/unit/test_contract.py holds that both are equal.
"""

from enum import Enum
from typing import Final

VERSION: Final = 1

ROOT: Final = "/jaxop"
LAUNCHER: Final = "/jaxop/jaxrun"
TERMINATION_LOG: Final = "/dev/termination-log"
CACHE_PUBLISHED: Final = "/jaxop-cache/published"
CACHE_STAGING: Final = "/jaxop-cache/staging"
CACHE_LOCAL: Final = "/jaxop-cache/local"
KEEPER_VOLUME: Final = "/jaxop-cache/volume"
KEEPER_POLICY: Final = "/jaxop-keeper/policy.json"
TERMINATION_LIMIT_BYTES: Final = 4096

HTTP_PORT: Final = 9431
GANG_PORT: Final = 9430
KEEPER_PORT: Final = 9432
SERVING_PORT: Final = 8000
COORDINATOR_PORT_BASE: Final = 9440
COORDINATOR_PORT_COUNT: Final = 50

JOB: Final = "JAXRUN_JOB"
ATTEMPT: Final = "JAXRUN_ATTEMPT"
NUM_PROCESSES: Final = "JAXRUN_NUM_PROCESSES"
PROCESS_BASE: Final = "JAXRUN_PROCESS_BASE"
HOSTS_PER_SLICE: Final = "JAXRUN_HOSTS_PER_SLICE"
GANG_ADDRESS: Final = "JAXRUN_GANG_ADDRESS"
TOKEN: Final = "JAXRUN_TOKEN"  # noqa: S105 - the variable's name
LOCAL_DEVICES: Final = "JAXRUN_LOCAL_DEVICES"
DEVICES_PER_CHIP: Final = "JAXRUN_DEVICES_PER_CHIP"
PLATFORM: Final = "JAXRUN_PLATFORM"
CHECKPOINT_DIR: Final = "JAXRUN_CHECKPOINT_DIR"
GRACE_SECONDS: Final = "JAXRUN_GRACE_SECONDS"
RESTART_POLICY: Final = "JAXRUN_RESTART_POLICY"
LEDGER: Final = "JAXRUN_LEDGER"
SUCCESS_POLICY: Final = "JAXRUN_SUCCESS_POLICY"
PREFLIGHT: Final = "JAXRUN_PREFLIGHT"
CACHE_NAMESPACE: Final = "JAXRUN_CACHE_NAMESPACE"
CACHE_OFFERS: Final = "JAXRUN_CACHE_OFFERS"
WARMUP: Final = "JAXRUN_WARMUP"
AHEAD_OF_TIME: Final = "JAXRUN_AHEAD_OF_TIME"
SERVE: Final = "JAXRUN_SERVE"
MODEL_DIR: Final = "JAXRUN_MODEL_DIR"
COMPLETION_INDEX: Final = "JOB_COMPLETION_INDEX"

ENVIRONMENT: Final = (
    JOB,
    ATTEMPT,
    NUM_PROCESSES,
    PROCESS_BASE,
    HOSTS_PER_SLICE,
    GANG_ADDRESS,
    TOKEN,
    LOCAL_DEVICES,
    DEVICES_PER_CHIP,
    PLATFORM,
    CHECKPOINT_DIR,
    GRACE_SECONDS,
    RESTART_POLICY,
    LEDGER,
    SUCCESS_POLICY,
    PREFLIGHT,
    CACHE_NAMESPACE,
    CACHE_OFFERS,
    WARMUP,
    AHEAD_OF_TIME,
    SERVE,
    MODEL_DIR,
    COMPLETION_INDEX,
)

COORDINATOR_ADDRESS: Final = "JAX_COORDINATOR_ADDRESS"
OMPI_URI: Final = "OMPI_MCA_orte_hnp_uri"
OMPI_SIZE: Final = "OMPI_COMM_WORLD_SIZE"
OMPI_RANK: Final = "OMPI_COMM_WORLD_RANK"
OMPI_LOCAL_RANK: Final = "OMPI_COMM_WORLD_LOCAL_RANK"
LOCAL_DEVICE_IDS: Final = "JAX_LOCAL_DEVICE_IDS"
EPOCH: Final = "JAXRUN_EPOCH"
RESTARTS: Final = "JAXRUN_RESTARTS"
PROCESS_ID: Final = "JAXRUN_PROCESS_ID"
JAX_CACHE_DIR: Final = "JAX_COMPILATION_CACHE_DIR"
JAX_CACHE_MIN_SECONDS: Final = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
JAX_CACHE_MIN_BYTES: Final = "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"

ENVIRONMENT_FOR_PROGRAM: Final = (
    COORDINATOR_ADDRESS,
    OMPI_URI,
    OMPI_SIZE,
    OMPI_RANK,
    OMPI_LOCAL_RANK,
    LOCAL_DEVICE_IDS,
    EPOCH,
    ATTEMPT,
    RESTARTS,
    PROCESS_ID,
    JAX_CACHE_DIR,
    JAX_CACHE_MIN_SECONDS,
    JAX_CACHE_MIN_BYTES,
)

GOODPUT: Final = (
    "schedulingSeconds",
    "initialisationSeconds",
    "compileSeconds",
    "dataSeconds",
    "checkpointSeconds",
    "productiveSeconds",
    "wastedSeconds",
    "recoverySeconds",
    "otherSeconds",
)


class GangState(str, Enum):
    """What the gang as a whole is doing; `jaxrun.gang.epoch` decides it."""

    JOINING = "Joining"
    STARTING = "Starting"
    COMPILING = "Compiling"
    RUNNING = "Running"
    CHECKPOINTING = "Checkpointing"
    STOPPING = "Stopping"
    RESTARTING = "Restarting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class ServingState(str, Enum):
    """What a model server is doing."""

    LOADING = "Loading"
    READY = "Ready"
    UNREADY = "Unready"
    DRAINING = "Draining"


class Scope(str, Enum):
    """Who ends with a launcher."""

    GANG = "Gang"
    POD = "Pod"


class SuccessPolicy(str, Enum):
    """Whose exit with 0 is the gang's success."""

    ALL_PROCESSES = "AllProcesses"
    PROCESS_ZERO = "ProcessZero"


class WarmupMode(str, Enum):
    """What a Warmup's program is run for."""

    FILL = "Fill"
    VERIFY = "Verify"


class PreflightMode(str, Enum):
    """What a failed preflight does."""

    ENFORCE = "Enforce"
    REPORT = "Report"
    OFF = "Off"


class Cause(str, Enum):
    """Why a gang failed; `jaxrun.cause` decides those that can be seen from inside a pod."""

    PROGRAM_ERROR = "ProgramError"
    DEVICE_OUT_OF_MEMORY = "DeviceOutOfMemory"
    HOST_OUT_OF_MEMORY = "HostOutOfMemory"
    PEER_LOST = "PeerLost"
    NODE_LOST = "NodeLost"
    PREEMPTED = "Preempted"
    DEVICE_MISMATCH = "DeviceMismatch"
    NUMERICAL_ERROR = "NumericalError"
    COMPILE_FAILED = "CompileFailed"
    IMAGE_PULL = "ImagePull"
    UNSCHEDULABLE = "Unschedulable"
    DEADLINE = "Deadline"
