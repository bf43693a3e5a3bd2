"""Labels, annotations and fixed names that the operator puts on what it creates."""

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY_VALUE = "jax-operator"
"""On every child and pod; the reflectors select on it."""

JAXJOB = "jaxop.dev/jaxjob"
ATTEMPT = "jaxop.dev/attempt"
SLICE = "jaxop.dev/slice"
SLICE_KEY = "jaxop.dev/slice-key"
"""The same on all pods of one slice of one JaxJob, over all its attempts, and on no others. Only
where slices are placed by a topology."""

COMPILE_CACHE = "jaxop.dev/compile-cache"
"""The CompileCache that a pod reads, or that a keeper's objects belong to."""
CACHE_NAMESPACE = "jaxop.dev/cache-namespace"
"""Digest of the cache namespace that a pod reads, so that it is not evicted."""
KEEPER = "jaxop.dev/keeper"
"""The CompileCache that a pod keeps: on the pods of its keeper, and no others."""
WARMUP = "jaxop.dev/warmup"
"""The Warmup whose run a JaxJob is."""
WARMUP_RUN = "jaxop.dev/warmup-run"
"""What that JaxJob does for it: Fill compiles, Verify must find all of it."""

AHEAD_OF_TIME = "jaxop.dev/ahead-of-time"
"""Annotation of such a JaxJob on cpu: JSON of the accelerator that it compiles for instead."""

JAXSERVICE = "jaxop.dev/jaxservice"
"""The JaxService that an object, a pod or a JaxJob belongs to."""
REVISION = "jaxop.dev/revision"
"""Hash of the revision of that JaxService."""
REPLICA = "jaxop.dev/replica"
"""Number of the replica, on JaxJobs that are one, and on their pods."""

JAXRUNTIME = "jaxop.dev/jaxruntime"
"""The JaxRuntime whose image a pod verifies."""

SPEC_HASH = "jaxop.dev/spec-hash"
"""Annotation: hash of the desired object, so that an unchanged one is not applied again."""

TOKEN_SECRET = "jaxop-gang-token"  # noqa: S105 - the Secret's name, not a secret
TOKEN_KEY = "token"  # noqa: S105
