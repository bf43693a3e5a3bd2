"""The CustomResourceDefinitions: a kind's schema, its names and what `kubectl get` prints."""

from dataclasses import dataclass, field
from typing import Any, Literal

from jaxop.api.v1alpha1 import (
    AcceleratorClass,
    CompileCache,
    JaxJob,
    JaxRuntime,
    JaxService,
    Warmup,
)
from jaxop.api.v1alpha1.common import GROUP, VERSION, KubeModel

from .schema import structural_schema


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; a wide one shows only with `-o wide`."""

    name: str
    path: str
    description: str
    type: Literal["string", "integer", "number", "date"] = "string"
    wide: bool = False

    def to_manifest(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.path,
            "description": self.description,
            "priority": 1 if self.wide else 0,
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind and how people name it."""

    model: type[KubeModel]
    plural: str
    scope: Literal["Namespaced", "Cluster"]
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]
    categories: tuple[str, ...] = field(default=("jax",))
    scaled: bool = False
    """It has spec.replicas, status.replicas and status.selector, and so /scale."""

    @property
    def name(self) -> str:
        return self.model.__name__

    @property
    def file_name(self) -> str:
        return f"{GROUP}_{self.plural}.yaml"

    @property
    def has_status(self) -> bool:
        return "status" in self.model.model_fields


AGE = Column("Age", ".metadata.creationTimestamp", "Time since creation.", "date")

SCALE: dict[str, Any] = {
    "scale": {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
}

KINDS = (
    Kind(
        JaxJob,
        plural="jaxjobs",
        scope="Namespaced",
        short_names=("jj",),
        categories=("jax", "all"),
        columns=(
            Column("State", ".status.state", "Where the job stands."),
            Column("Reason", ".status.reason", "Why."),
            Column("Accelerator", ".status.accelerator", "What it runs on."),
            Column("Hosts", ".status.hosts.summary", "Hosts that are ready, of those wanted."),
            Column("Step", ".status.step", "Last training step reported.", "integer"),
            Column("Restarts", ".status.restarts", "Times that it started again.", "integer"),
            AGE,
            Column("Cache", ".status.compilation.summary", "Compile cache hits.", wide=True),
            Column("First step", ".status.compilation.firstStep", "Warm or cold.", wide=True),
            Column("Goodput", ".status.goodput.percent", "Productive time, percent.", wide=True),
            Column("Attempt", ".status.attempt", "Current attempt, from 0.", "integer", wide=True),
            Column("Cause", ".status.failure.cause", "What failed last.", wide=True),
            Column("Started", ".status.startTime", "Since when it runs.", "date", wide=True),
            Column("Completed", ".status.completionTime", "Since when it is done.", "date", True),
            Column("Message", ".status.message", "What to know or do.", wide=True),
        ),
    ),
    Kind(
        JaxService,
        plural="jaxservices",
        scope="Namespaced",
        short_names=("jsvc",),
        categories=("jax", "all"),
        scaled=True,
        columns=(
            Column("State", ".status.state", "Where the service stands."),
            Column("Reason", ".status.reason", "Why."),
            Column("Ready", ".status.ready", "Replicas that serve, of those wanted."),
            Column("Buckets", ".status.buckets.summary", "Buckets executed, of the slowest."),
            Column("Revision", ".status.currentRevision", "What was last rolled out."),
            Column("P95", ".status.latency.p95Milliseconds", "Milliseconds, now.", "number"),
            Column("QPS", ".status.requestsPerSecond", "Requests per second, now.", "number"),
            AGE,
            Column("Cache", ".status.cacheHit", "Compile cache hits.", wide=True),
            Column("URL", ".status.url", "Where it is served.", wide=True),
            Column("Rollout", ".status.rollout.step", "What happens now.", wide=True),
            Column("Message", ".status.message", "What to know or do.", wide=True),
        ),
    ),
    Kind(
        CompileCache,
        plural="compilecaches",
        scope="Namespaced",
        short_names=("cc",),
        columns=(
            Column("State", ".status.state", "Whether it can be used."),
            Column("Reason", ".status.reason", "Why."),
            Column("Entries", ".status.entries", "Compiled programs in it.", "integer"),
            Column("Size", ".status.size", "Size of all entries."),
            Column("Namespaces", ".status.namespaceCount", "Cache namespaces.", "integer"),
            Column("Writers", ".spec.writers", "Whose entries are published."),
            AGE,
            Column("Claim", ".status.claimName", "Its volume.", wide=True),
            Column("Refused", ".status.refused", "Offers thrown away.", "integer", wide=True),
            Column("Repaired", ".status.repaired", "Damaged entries.", "integer", wide=True),
            Column("Message", ".status.message", "What to know or do.", wide=True),
        ),
    ),
    Kind(
        Warmup,
        plural="warmups",
        scope="Namespaced",
        short_names=("wu",),
        columns=(
            Column("State", ".status.state", "Where it stands."),
            Column("Reason", ".status.reason", "Why."),
            Column("Cache", ".spec.compileCache", "The CompileCache that it fills."),
            Column("Entries", ".status.entries", "Entries compiled.", "integer"),
            Column("Hits", ".status.verification.summary", "Hits of the second run."),
            AGE,
            Column("Namespace", ".status.cacheNamespace", "Cache namespace.", wide=True),
            Column("Run", ".status.run", "Which try this is, from 0.", "integer", wide=True),
            Column("Completed", ".status.completionTime", "Since when.", "date", wide=True),
            Column("Message", ".status.message", "What to know or do.", wide=True),
        ),
    ),
    Kind(
        JaxRuntime,
        plural="jaxruntimes",
        scope="Cluster",
        short_names=("jrt",),
        columns=(
            Column("State", ".status.state", "Whether pods found what the spec says."),
            Column("JAX", ".spec.jax", "Version of jax."),
            Column("Python", ".spec.python", "Version of Python."),
            AGE,
            Column("Image", ".spec.image", "The image, by digest.", wide=True),
            Column("Message", ".status.message", "What to know or do.", wide=True),
        ),
    ),
    Kind(
        AcceleratorClass,
        plural="acceleratorclasses",
        scope="Cluster",
        short_names=("ac", "accelclass"),
        columns=(
            Column("Vendor", ".spec.vendor", "Whose device it is."),
            Column("Resource", ".spec.resource", "Extended resource of its nodes."),
            Column("Memory", ".spec.memoryPerChip", "Device memory of a chip."),
            AGE,
            Column("Description", ".spec.description", "In one line.", wide=True),
        ),
    ),
)


def definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": structural_schema(kind.model)},
        "additionalPrinterColumns": [column.to_manifest() for column in kind.columns],
    }
    if kind.has_status:
        version["subresources"] = {"status": {}, **(SCALE if kind.scaled else {})}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "jax-operator"},
        },
        "spec": {
            "group": GROUP,
            "scope": kind.scope,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": list(kind.short_names),
                "categories": list(kind.categories),
            },
            "versions": [version],
        },
    }


def definitions() -> dict[str, dict[str, Any]]:
    """All CustomResourceDefinitions, by the name of their file."""
    return {kind.file_name: definition(kind) for kind in KINDS}
