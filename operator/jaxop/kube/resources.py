"""The kinds that the core can address: where the API server serves them."""

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from jaxop.api.plan import Manifest, ObjectRef


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object as the API server serves it. The group "" is the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, or of one object if `name` is given.

        `namespace` None or "" means all namespaces (or that the kind has none).
        """
        prefix = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        where = f"/namespaces/{quote(namespace)}" if self.namespaced and namespace else ""
        which = f"/{quote(name)}" if name else ""
        part = f"/{subresource}" if subresource else ""
        return f"{prefix}{where}/{self.plural}{which}{part}"

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


class Key(NamedTuple):
    """What the work queue holds: one object of one of our own kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.namespace}/{self.name}" if self.namespace else " ".join(self[::2])
        )


JAXJOBS = Resource("jaxop.dev", "v1alpha1", "jaxjobs", "JaxJob")
ACCELERATORCLASSES = Resource(
    "jaxop.dev", "v1alpha1", "acceleratorclasses", "AcceleratorClass", namespaced=False
)
COMPILECACHES = Resource("jaxop.dev", "v1alpha1", "compilecaches", "CompileCache")
WARMUPS = Resource("jaxop.dev", "v1alpha1", "warmups", "Warmup")
JAXSERVICES = Resource("jaxop.dev", "v1alpha1", "jaxservices", "JaxService")
JAXRUNTIMES = Resource("jaxop.dev", "v1alpha1", "jaxruntimes", "JaxRuntime", namespaced=False)
JOBS = Resource("batch", "v1", "jobs", "Job")
PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
CONTROLLERREVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
PODDISRUPTIONBUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
PERSISTENTVOLUMECLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
EVENTS = Resource("", "v1", "events", "Event")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
PRIORITYCLASSES = Resource(
    "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False
)

GANG_WORKLOADS = Resource("scheduling.k8s.io", "v1alpha1", "workloads", "Workload")
"""Kubernetes' own, alpha in 1.35; not Kueue's."""

KUEUE_GROUP = "kueue.x-k8s.io"
KUEUE_VERSIONS = ("v1beta2", "v1beta1")
"""Those that we know, the best first. Kueue serves v1beta2 since 0.15, v1beta1 until 0.19."""


@dataclass(frozen=True, slots=True)
class KueueResources:
    """Kueue's kinds, in the version that the API server serves."""

    version: str

    @property
    def workloads(self) -> Resource:
        return Resource(KUEUE_GROUP, self.version, "workloads", "Workload")

    @property
    def flavors(self) -> Resource:
        return Resource(
            KUEUE_GROUP, self.version, "resourceflavors", "ResourceFlavor", namespaced=False
        )

    @property
    def priority_classes(self) -> Resource:
        return Resource(
            KUEUE_GROUP,
            self.version,
            "workloadpriorityclasses",
            "WorkloadPriorityClass",
            namespaced=False,
        )


_KNOWN: dict[tuple[str, str], Resource] = {}


def register(*resources: Resource) -> None:
    """Makes kinds known to `resource_of`, so that plans can name them."""
    for resource in resources:
        _KNOWN[resource.api_version, resource.kind] = resource


register(
    JAXJOBS,
    ACCELERATORCLASSES,
    COMPILECACHES,
    WARMUPS,
    JAXRUNTIMES,
    JAXSERVICES,
    DEPLOYMENTS,
    CONTROLLERREVISIONS,
    PODDISRUPTIONBUDGETS,
    JOBS,
    PODS,
    SERVICES,
    SECRETS,
    CONFIGMAPS,
    PERSISTENTVOLUMECLAIMS,
    EVENTS,
    NODES,
    LEASES,
    GANG_WORKLOADS,
    *(KueueResources(version).workloads for version in KUEUE_VERSIONS),
)


def resource_of(thing: Manifest | ObjectRef) -> Resource:
    """Raises LookupError for a kind that nobody registered."""
    if isinstance(thing, ObjectRef):
        identity = thing.api_version, thing.kind
    else:
        identity = thing["apiVersion"], thing["kind"]
    try:
        return _KNOWN[identity]
    except KeyError:
        raise LookupError(
            f"{identity[0]} {identity[1]} is not a registered kind: add it to kube/resources.py"
        ) from None


def key_of(obj: Manifest) -> Key:
    """The key of an object of one of our own kinds."""
    metadata = obj["metadata"]
    return Key(obj["kind"], metadata.get("namespace", ""), metadata["name"])


def ref_of(obj: Manifest) -> ObjectRef:
    """Names exactly this object: with its uid."""
    metadata = obj["metadata"]
    return ObjectRef(
        obj["apiVersion"],
        obj["kind"],
        metadata.get("namespace", ""),
        metadata["name"],
        metadata.get("uid"),
    )
