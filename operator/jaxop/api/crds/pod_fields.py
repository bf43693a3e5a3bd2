"""The fields of a pod and of a container that no rule reads, with their types.

They are declared so that `template == oldSelf.template` is exact: in CEL, two objects whose
*undeclared* fields have different names compare equal if they have as many of them. A field newer
than this list still passes through.
"""

from collections.abc import Mapping
from typing import Any

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_BOOLEAN = {"type": "boolean"}
_OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_OBJECTS = {"type": "array", "x-kubernetes-list-type": "atomic", "items": _OBJECT}
_STRINGS = {"type": "array", "x-kubernetes-list-type": "atomic", "items": _STRING}

POD_FIELDS: Mapping[str, dict[str, Any]] = {
    "activeDeadlineSeconds": _INTEGER,
    "affinity": _OBJECT,
    "automountServiceAccountToken": _BOOLEAN,
    "dnsConfig": _OBJECT,
    "dnsPolicy": _STRING,
    "enableServiceLinks": _BOOLEAN,
    "hostAliases": _OBJECTS,
    "hostIPC": _BOOLEAN,
    "hostNetwork": _BOOLEAN,
    "hostPID": _BOOLEAN,
    "hostUsers": _BOOLEAN,
    "imagePullSecrets": _OBJECTS,
    "nodeSelector": {"type": "object", "additionalProperties": _STRING},
    "os": _OBJECT,
    "overhead": _OBJECT,
    "preemptionPolicy": _STRING,
    "priority": _INTEGER,
    "priorityClassName": _STRING,
    "readinessGates": _OBJECTS,
    "resourceClaims": _OBJECTS,
    "resources": _OBJECT,
    "runtimeClassName": _STRING,
    "schedulerName": _STRING,
    "schedulingGates": _OBJECTS,
    "securityContext": _OBJECT,
    "serviceAccount": _STRING,
    "serviceAccountName": _STRING,
    "shareProcessNamespace": _BOOLEAN,
    "terminationGracePeriodSeconds": _INTEGER,
    "tolerations": _OBJECTS,
    "topologySpreadConstraints": _OBJECTS,
}

CONTAINER_FIELDS: Mapping[str, dict[str, Any]] = {
    "args": _STRINGS,
    "command": _STRINGS,
    "envFrom": _OBJECTS,
    "imagePullPolicy": _STRING,
    "lifecycle": _OBJECT,
    "livenessProbe": _OBJECT,
    "ports": _OBJECTS,
    "readinessProbe": _OBJECT,
    "resizePolicy": _OBJECTS,
    "restartPolicy": _STRING,
    "securityContext": _OBJECT,
    "startupProbe": _OBJECT,
    "stdin": _BOOLEAN,
    "stdinOnce": _BOOLEAN,
    "terminationMessagePath": {"type": "string", "maxLength": 1024},
    "terminationMessagePolicy": _STRING,
    "tty": _BOOLEAN,
    "volumeDevices": _OBJECTS,
    "workingDir": _STRING,
}
