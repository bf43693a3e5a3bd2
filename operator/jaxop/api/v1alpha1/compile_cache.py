"""CompileCache: one volume of compiled programs that the pods of a namespace share."""

from typing import Annotated, Literal

from pydantic import Field

from .common import Condition, DnsSubdomain, KubeModel, ObjectMeta, Quantity, Time

Writers = Literal["Warmups", "Jobs"]
CacheState = Literal["Pending", "Starting", "Ready", "Degraded"]

SHOWN_NAMESPACES = 32
"""Cache namespaces that the status lists, those used last first."""

Count = Annotated[int, Field(ge=0)]


class CacheStorage(KubeModel):
    """Where the entries are kept. Give `size` for a volume of the operator's making, or
    `claimName` for one of your own."""

    claim_name: DnsSubdomain | None = None
    """Name of an existing PersistentVolumeClaim in the namespace, which many nodes can mount
    (ReadWriteMany)."""

    size: Quantity | None = None
    """Size of the volume to be claimed."""

    storage_class_name: DnsSubdomain | None = None
    """StorageClass of the volume to be claimed; the cluster's default if absent. It must offer
    ReadWriteMany."""


class Retention(KubeModel):
    """When cache namespaces are evicted, always whole, and never one that a pod uses."""

    max_size: Quantity | None = None
    """Bytes of all entries together; beyond it those unused for longest go. Absent, 80 percent of
    the volume."""

    unused_seconds: Annotated[int, Field(ge=3600, le=315360000)] = 2592000
    """How long a cache namespace stays that no pod uses."""


class CompileCacheSpec(KubeModel):
    """The volume, what stays on it, and who may add to it."""

    storage: CacheStorage
    """Where the entries are kept. Cannot change after creation."""

    retention: Retention = Retention()
    """When entries are evicted."""

    writers: Writers = "Warmups"
    """Whose entries are published to all others: Warmups trusts only pods that the operator made to
    fill the cache; Jobs trusts every JaxJob of the namespace that uses it. An entry is code that
    runs in the pods of all who read it."""


class CacheNamespace(KubeModel):
    """The entries of one set of versions, flags and devices."""

    digest: str
    """What all pods that share it have in common, as a digest."""

    entries: Count = 0
    """Compiled programs in it."""

    bytes: Count = 0
    """Their size."""

    last_used: Time | None = None
    """When a pod last used it."""

    in_use: bool = False
    """Whether a pod uses it now."""


class CompileCacheStatus(KubeModel):
    """What the operator saw."""

    observed_generation: Count | None = None
    """The `metadata.generation` that this status is for."""

    state: CacheState | None = None
    """Whether it can be used."""

    reason: str | None = None
    """Why, as one CamelCase word that programs can compare."""

    message: str | None = None
    """Why, as one sentence that a person can act on."""

    claim_name: str | None = None
    """The PersistentVolumeClaim."""

    usable: bool = False
    """Whether new pods mount it: its keeper has been on the volume, and its claim is bound. It
    stays usable while the keeper is down: nothing is published then, and all else goes on."""

    entries: Count = 0
    """Compiled programs in all cache namespaces."""

    bytes: Count = 0
    """Their size."""

    size: str | None = None
    """`bytes` for the table of `kubectl get`, such as `1.2Gi`."""

    published: Count = 0
    """Entries that the keeper has published since it started."""

    refused: Count = 0
    """Entries offered since then that were no well-formed entries, and were thrown away."""

    repaired: Count = 0
    """Published entries found damaged since then, and removed."""

    evicted: Count = 0
    """Cache namespaces evicted since then."""

    namespace_count: Count = 0
    """How many cache namespaces there are."""

    namespaces: Annotated[tuple[CacheNamespace, ...], Field(max_length=SHOWN_NAMESPACES)] = ()
    """Those used last, newest first."""

    conditions: tuple[Condition, ...] = ()
    """Ready, Reconciling and Stalled, as kstatus reads them."""


class CompileCache(KubeModel):
    """A volume of compiled JAX programs that the pods of a namespace share, with a keeper that
    alone writes to it."""

    api_version: Literal["jaxop.dev/v1alpha1"] = "jaxop.dev/v1alpha1"
    kind: Literal["CompileCache"] = "CompileCache"
    metadata: ObjectMeta
    spec: CompileCacheSpec
    """The volume, what stays on it, and who may add to it."""

    status: CompileCacheStatus = CompileCacheStatus()
    """What the operator saw."""
