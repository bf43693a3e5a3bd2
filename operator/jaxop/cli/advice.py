"""What a person can do about each cause of a failure and each reason of a state."""

from collections.abc import Mapping
from typing import Final

from jaxop.api.v1alpha1.cause import Cause
from jaxop.domain.jaxjob.failures.restart_policy import Reason
from jaxop.domain.jaxjob.standing import reasons

FOR_CAUSE: Final[dict[Cause, str]] = {
    "ProgramError": "The program ended by itself. {logs}",
    "DeviceOutOfMemory": (
        "The accelerator's memory was full: use a smaller batch, shard more, or rematerialise "
        "(jax.checkpoint)."
    ),
    "HostOutOfMemory": (
        "The host's memory was full: raise resources.limits.memory of the jax container, or load "
        "less at once."
    ),
    "PeerLost": (
        "A process vanished without a word. Look for what happened to its pod and node: "
        "kubectl get events -n {namespace} --sort-by=.lastTimestamp"
    ),
    "NodeLost": "The node went away. Nothing is wrong with the program: kubectl get nodes",
    "Preempted": (
        "The pod was evicted or preempted. Give the job a priorityClassName, or nodes that are "
        "not reclaimed, if that happens often."
    ),
    "DeviceMismatch": (
        "JAX found other devices than the job asked for. Compare the image's jax, jaxlib and "
        "driver with spec.accelerator."
    ),
    "NumericalError": "The numbers went bad: look at the data and the learning rate of that step.",
    "CompileFailed": (
        "XLA could not compile the program; the message is the compiler's. It will fail again "
        "in the same way."
    ),
    "ImagePull": "An image cannot be pulled: check its name, its tag and imagePullSecrets.",
    "Unschedulable": "No node can take the pods: add such nodes, or change spec.accelerator.",
    "Deadline": (
        "It took longer than it was allowed to: create it anew with a higher "
        "spec.activeDeadlineSeconds, or ask for more chips. It goes on from its last checkpoint."
    ),
}

FOR_REASON: Final[dict[str, str]] = {
    reasons.INVALID_SPEC: "Correct the field and apply the JaxJob again.",
    reasons.WAITING_FOR_WARMUP: (
        "Wait: its program is compiled first. kubectl describe warmup NAME tells how far that is; "
        "to start cold, set spec.compileCache.warmup to None."
    ),
    "NameConflict": "Delete the object that has the name, or rename the JaxJob.",
    "Invalid": "Correct the pod template: the API server refuses the Job made from it.",
    "Forbidden": "Ask whoever rules the namespace: a quota or an admission policy refuses it.",
    reasons.KUEUE_MISSING: (
        "Install Kueue and restart the operator; or suspend the job, take the label "
        "kueue.x-k8s.io/queue-name away, and resume it."
    ),
    reasons.WAITING_FOR_QUOTA: (
        "Kueue decides when it is its turn. Who else waits, and for what: "
        "kubectl get workloads -n {namespace}; kubectl describe localqueues -n {namespace}"
    ),
    reasons.INADMISSIBLE: (
        "Its queue does not exist or is stopped, whatever quota there is: "
        "kubectl get localqueues -n {namespace}"
    ),
    reasons.WORKLOAD_INACTIVE: (
        "Somebody deactivated it, or an admission check rejected it. To queue again: kubectl patch "
        "workload jaxjob-{name} -n {namespace} --type merge "
        '-p \'{{"spec":{{"active":true}}}}\''
    ),
    reasons.QUOTA_LOST: (
        "Kueue gave its quota to somebody else. It saves a checkpoint if it can, queues again, and "
        "goes on from there; this is no failure and costs no restart."
    ),
    reasons.CREATING_PODS: (
        "Something keeps the Job controller from creating pods: a quota, or an admission policy."
    ),
    reasons.UNSCHEDULABLE: "Add the nodes that it names, free them, or change spec.accelerator.",
    reasons.IMAGE_PULL: "Check the image's name and tag, the registry, and imagePullSecrets.",
    reasons.CONTAINER_CANNOT_START: "Create what is missing, or correct the pod template.",
    reasons.PODS_STARTING: (
        "Images are pulled and containers start. If it lasts: kubectl describe pod -n {namespace} "
        "-l jaxop.dev/jaxjob={name}"
    ),
    reasons.PEERS_MISSING: "Look at the pod of the process that is missing.",
    reasons.INITIALISING: "JAX connects all processes; this takes seconds.",
    reasons.COMPILING: "XLA compiles the first step; large programs take minutes.",
    reasons.PROGRAM_RUNNING: "",
    reasons.PODS_READY: (
        "The pods run, but the operator cannot reach port 9431 of process 0: allow that in your "
        "NetworkPolicy to see steps and causes."
    ),
    reasons.SUSPENDING: (
        "The program saves a checkpoint, if it asks jaxrun.should_stop(), and ends."
    ),
    reasons.SUSPENDED: (
        "Resume it: kubectl patch jaxjob {name} -n {namespace} --type merge "
        '-p \'{{"spec":{{"suspend":false}}}}\''
    ),
    reasons.SUCCEEDED: "",
    reasons.PROCESS_ZERO_SUCCEEDED: "",
}


FOR_VERDICT: Final[dict[Reason, str]] = {
    "": "",
    "SameFailure": (
        "It is not started again, as it failed alike three times in a row. Correct it, and create "
        "the job anew: it goes on from its last checkpoint."
    ),
    "BudgetSpent": (
        "It is not started again, as its restarts are used. Where the failures are not the "
        "program's, raise restartPolicy.maxRestarts or add their cause to exemptCauses, and create "
        "the job anew: it goes on from its last checkpoint."
    ),
    "RuleSaysFail": "It is not started again, as a rule of restartPolicy says so.",
}
"""Beside the cause's own, for a job that has failed for good."""

_NO_LOGS: Final = "Its pod is gone: read its last lines where your cluster collects logs."


def advice(reason: str, *, name: str, namespace: str, logs: str) -> str:
    """ "" where there is nothing to do. `logs` is the command that shows the program's output; ""
    where its pod is gone."""
    known: Mapping[str, str] = dict([*FOR_REASON.items(), *FOR_CAUSE.items()])
    said = f"Read its last lines: {logs}" if logs else _NO_LOGS
    return known.get(reason, "").format(name=name, namespace=namespace, logs=said)
