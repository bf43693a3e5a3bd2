"""The words in `status.reason`, beside the causes of the in-pod contract."""

from typing import Final

INVALID_SPEC: Final = "InvalidSpec"

WAITING_FOR_CACHE: Final = "WaitingForCompileCache"
WAITING_FOR_WARMUP: Final = "WaitingForWarmup"
WARMUP_FAILED: Final = "WarmupFailed"

REPLICAS_STARTING: Final = "ReplicasStarting"
LOADING: Final = "LoadingModel"
REPLACING: Final = "ReplacingReplicas"
NO_REPLICA_READY: Final = "NoReplicaReady"
ALL_READY: Final = "AllReplicasReady"
SCALED_TO_ZERO: Final = "ScaledToZero"

PODS_REFUSED: Final = "PodsRefused"
UNSCHEDULABLE: Final = "Unschedulable"
IMAGE_PULL: Final = "ImagePull"
CONTAINER_CANNOT_START: Final = "ContainerCannotStart"
SERVER_UNREADY: Final = "ServerUnready"
REPLICA_FAILED: Final = "ReplicaFailed"
PROGRESS_DEADLINE: Final = "ProgressDeadlineExceeded"
"""Of a rollout whose next replica was not ready in time, and nothing says why."""
