"""What a person can do about each reason of a JaxService's state."""

from collections.abc import Mapping
from typing import Final

from jaxop.cli.advice import FOR_CAUSE
from jaxop.domain.service import reasons

FOR_REASON: Final[Mapping[str, str]] = {
    reasons.INVALID_SPEC: "Correct the field and apply the JaxService again.",
    "NameConflict": "Delete the object that has the name, or rename the JaxService.",
    "Invalid": "Correct the pod template: the API server refuses what is made from it.",
    "Forbidden": "Ask whoever rules the namespace: a quota or an admission policy refuses it.",
    reasons.WAITING_FOR_CACHE: (
        "Wait, or create the CompileCache: without it the first replica compiles all by itself."
    ),
    reasons.WAITING_FOR_WARMUP: (
        "Wait: its programs are compiled first. kubectl describe warmups -n {namespace} tells how "
        "far that is; to start cold, set spec.compileCache.warmup to None."
    ),
    reasons.WARMUP_FAILED: (
        "Look at what the Warmup says, correct it, and delete the Warmup to have it tried again; "
        "or set spec.compileCache.onWarmupFailure to StartCold."
    ),
    reasons.REPLICAS_STARTING: (
        "Images are pulled and containers start. If it lasts: kubectl describe pod -n {namespace} "
        "-l jaxop.dev/jaxservice={name}"
    ),
    reasons.LOADING: "Every bucket is compiled and executed; large models take minutes.",
    reasons.REPLACING: "",
    reasons.NO_REPLICA_READY: (
        "Nothing is served until a replica is ready. RollingUpdate has no such gap, where there is "
        "a device to spare."
    ),
    reasons.ALL_READY: "",
    reasons.SCALED_TO_ZERO: (
        "To serve again: kubectl scale jaxservice {name} -n {namespace} --replicas=1"
    ),
    reasons.PODS_REFUSED: "Raise the quota, or change what the admission policy refuses.",
    reasons.UNSCHEDULABLE: "Add the nodes that it names, free them, or change spec.accelerator.",
    reasons.IMAGE_PULL: "Check the image's name and tag, the registry, and imagePullSecrets.",
    reasons.CONTAINER_CANNOT_START: "Create what is missing, or correct the pod template.",
    reasons.SERVER_UNREADY: "The reason is the server's own. Read its last lines: {logs}",
    reasons.REPLICA_FAILED: (
        "One host of the replica ended for good: kubectl get jaxjobs -n {namespace} "
        "-l jaxop.dev/jaxservice={name}; jaxop explain jaxjob NAME tells why."
    ),
    reasons.PROGRESS_DEADLINE: (
        "It loads for longer than spec.rollout.progressDeadlineSeconds allows, or hangs. Read its "
        "last lines: {logs}"
    ),
}

_LOGS: Final = "kubectl logs -n {namespace} -l jaxop.dev/jaxservice={name} -c jax --prefix"


def service_advice(reason: str, *, name: str, namespace: str) -> str:
    """ "" where there is nothing to do."""
    logs = _LOGS.format(name=name, namespace=namespace)
    if reason in FOR_REASON:
        return FOR_REASON[reason].format(name=name, namespace=namespace, logs=logs)
    known: Mapping[str, str] = dict(FOR_CAUSE.items())
    said = f"Read its last lines: {logs}"
    return known.get(reason, "").format(name=name, namespace=namespace, logs=said)
