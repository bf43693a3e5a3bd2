"""The words in `status.reason`, beside the causes of the in-pod contract. docs/status.md has them
all, with what to do about each."""

from typing import Final

INVALID_SPEC: Final = "InvalidSpec"

WAITING_FOR_WARMUP: Final = "WaitingForWarmup"

KUEUE_MISSING: Final = "KueueMissing"
WAITING_FOR_QUOTA: Final = "WaitingForQuota"
INADMISSIBLE: Final = "Inadmissible"
WORKLOAD_INACTIVE: Final = "WorkloadInactive"
NEVER_ADMITTED: Final = frozenset({INADMISSIBLE, WORKLOAD_INACTIVE})
"""However much quota there is, until somebody does something."""

CREATING_PODS: Final = "CreatingPods"
UNSCHEDULABLE: Final = "Unschedulable"
IMAGE_PULL: Final = "ImagePull"
CONTAINER_CANNOT_START: Final = "ContainerCannotStart"
PODS_STARTING: Final = "PodsStarting"

PEERS_MISSING: Final = "PeersMissing"

INITIALISING: Final = "Initialising"
COMPILING: Final = "Compiling"

PROGRAM_RUNNING: Final = "ProgramRunning"
PODS_READY: Final = "PodsReady"

PREEMPTED: Final = "Preempted"
"""Of Checkpointing. Also a cause: of the failure that follows."""

SUSPENDING: Final = "Suspending"
DEADLINE: Final = "Deadline"
"""Also a cause: of the failure that follows."""
QUOTA_LOST: Final = "QuotaLost"
STOPPING: Final = frozenset({SUSPENDING, DEADLINE, QUOTA_LOST})
"""Why the operator itself stops a job."""

SUSPENDED: Final = "Suspended"
SUCCEEDED: Final = "AllProcessesSucceeded"
PROCESS_ZERO_SUCCEEDED: Final = "ProcessZeroSucceeded"

PROBLEMS: Final = frozenset({UNSCHEDULABLE, IMAGE_PULL, CONTAINER_CANNOT_START})
"""Nothing has failed, but it will not go on unless somebody does something."""
