"""Kueue's API as far as it is used here, for a server without Kueue.

Written after kubernetes-sigs/kueue, apis/kueue/v1beta2: names, required fields, defaults, list
types and the rules on what may change. What Kueue's webhook for Workloads refuses is a rule here.
"""

from typing import Any

Object = dict[str, Any]

TEXT: Object = {"type": "string"}
TEXTS: Object = {"type": "object", "additionalProperties": TEXT}
ANYTHING: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
NAME: Object = {"type": "string", "default": "main", "maxLength": 63}

RESERVED = "has({0}.status) && has({0}.status.conditions) && {0}.status.conditions.exists(c, " + (
    "c.type == 'QuotaReserved' && c.status == 'True')"
)
STAYS_RESERVED = f"({RESERVED.format('oldSelf')} && {RESERVED.format('self')})"


def _object(required: tuple[str, ...] = (), **properties: Object) -> Object:
    schema: Object = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def _map_of(key: str, item: Object, at_most: int) -> Object:
    return {
        "type": "array",
        "items": item,
        "maxItems": at_most,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [key],
    }


CONDITION = _object(
    ("type", "status", "lastTransitionTime", "reason", "message"),
    type={**TEXT, "maxLength": 316},
    status={**TEXT, "enum": ["True", "False", "Unknown"]},
    reason={
        **TEXT,
        "minLength": 1,
        "maxLength": 1024,
        "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    },
    message={**TEXT, "maxLength": 32768},
    lastTransitionTime={**TEXT, "format": "date-time"},
    observedGeneration={"type": "integer", "format": "int64", "minimum": 0},
)

PRIORITY_CLASS_REF = _object(
    ("group", "kind", "name"),
    group={**TEXT, "enum": ["kueue.x-k8s.io", "scheduling.k8s.io"]},
    kind={**TEXT, "enum": ["WorkloadPriorityClass", "PriorityClass"]},
    name={**TEXT, "minLength": 1, "maxLength": 253},
)

SPEC: Object = {
    **_object(
        podSets={
            **_map_of(
                "name",
                _object(
                    ("template",),
                    name=NAME,
                    count={"type": "integer", "minimum": 0, "default": 1},
                    template=_object(metadata=ANYTHING, spec={**ANYTHING}),
                ),
                8,
            ),
            "minItems": 1,
        },
        queueName=TEXT,
        priority={"type": "integer", "format": "int32"},
        priorityClassRef=PRIORITY_CLASS_REF,
        active={"type": "boolean", "default": True},
    ),
    "x-kubernetes-validations": [
        {
            "rule": "!has(self.priorityClassRef) || has(self.priority)",
            "message": "priority should not be nil when priorityClassRef is set",
        }
    ],
}

STATUS = _object(
    conditions=_map_of("type", CONDITION, 16),
    admission=_object(
        ("clusterQueue", "podSetAssignments"),
        clusterQueue=TEXT,
        podSetAssignments=_map_of(
            "name",
            _object(name=NAME, flavors=TEXTS, resourceUsage=TEXTS, count={"type": "integer"}),
            8,
        ),
    ),
    admissionChecks=_map_of(
        "name",
        _object(
            ("name", "state", "lastTransitionTime", "message"),
            name=TEXT,
            state={**TEXT, "enum": ["Pending", "Ready", "Retry", "Rejected"]},
            lastTransitionTime={**TEXT, "format": "date-time"},
            message=TEXT,
            podSetUpdates={
                "type": "array",
                "items": _object(
                    name=TEXT,
                    labels=TEXTS,
                    annotations=TEXTS,
                    nodeSelector=TEXTS,
                    tolerations={"type": "array", "items": ANYTHING},
                ),
            },
        ),
        8,
    ),
)

WORKLOAD: Object = {
    **_object(spec=SPEC, status=STATUS),
    "x-kubernetes-validations": [
        {
            "rule": f"!{STAYS_RESERVED} || self.spec.queueName == oldSelf.spec.queueName",
            "message": "queueName is immutable while workload quota reserved",
        },
        {
            "rule": f"!({RESERVED.format('self')} && has(self.status.admission)) || "
            "size(self.spec.podSets) == size(self.status.admission.podSetAssignments)",
            "message": "podSetAssignments must have the same number of podSets as the spec",
        },
        {
            "rule": "!(has(oldSelf.status) && has(oldSelf.status.admission) && has(self.status) && "
            "has(self.status.admission)) || self.status.admission == oldSelf.status.admission",
            "message": "admission can be set or unset, but not changed",
        },
    ],
}


def _crd(kind: str, plural: str, scope: str, schema: Object) -> Object:
    """Both versions are served, as they were from Kueue 0.15 to 0.19."""
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == "v1beta2",
            "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}} if kind == "Workload" else {},
        }
        for name in ("v1beta1", "v1beta2")
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.kueue.x-k8s.io",
            "annotations": {"api-approved.kubernetes.io": "a stand-in, of a test"},
        },
        "spec": {
            "group": "kueue.x-k8s.io",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": scope,
            "versions": versions,
        },
    }


CRDS: tuple[Object, ...] = (
    _crd("Workload", "workloads", "Namespaced", WORKLOAD),
    _crd(
        "ResourceFlavor",
        "resourceflavors",
        "Cluster",
        _object(spec=_object(nodeLabels=TEXTS, tolerations={"type": "array", "items": ANYTHING})),
    ),
    _crd(
        "WorkloadPriorityClass",
        "workloadpriorityclasses",
        "Cluster",
        _object(("value",), value={"type": "integer", "format": "int32"}, description=TEXT),
    ),
)

JOB_WEBHOOK: tuple[Object, ...] = (
    {
        "apiVersion": "admissionregistration.k8s.io/v1beta1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "kueue-suspends-jobs"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["batch"],
                        "apiVersions": ["v1"],
                        "resources": ["jobs"],
                        "operations": ["CREATE"],
                    }
                ]
            },
            "matchConditions": [
                {
                    "name": "has-a-queue",
                    "expression": "has(object.metadata.labels) && "
                    "'kueue.x-k8s.io/queue-name' in object.metadata.labels",
                }
            ],
            "reinvocationPolicy": "Never",
            "failurePolicy": "Fail",
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {
                        "expression": "Object{spec: Object.spec{suspend: true}}"
                    },
                }
            ],
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1beta1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "kueue-suspends-jobs"},
        "spec": {"policyName": "kueue-suspends-jobs"},
    },
)
"""What Kueue's mutating webhook does to a Job with a queue, as it is created."""
