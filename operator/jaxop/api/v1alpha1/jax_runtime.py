"""JaxRuntime: an image and all that has to match it, pinned once for many jobs."""

from typing import Annotated, Literal

from pydantic import Field

from .common import Condition, DnsSubdomain, KubeModel, ObjectMeta, Time, VersionPrefix

RuntimeState = Literal["Unused", "Verifying", "Verified", "Mismatch", "Failed"]

Count = Annotated[int, Field(ge=0)]
Flag = Annotated[str, Field(pattern=r"^--[a-z][a-z0-9_]*(=[^\s]*)?$", max_length=512)]


class EnvironmentVariable(KubeModel):
    """A variable of the program's environment."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)]
    """Its name."""

    value: Annotated[str, Field(max_length=4096)] = ""
    """Its value."""


class JaxRuntimeSpec(KubeModel):
    """What programs run in."""

    image: Annotated[str, Field(pattern=r"^[^\s@]+@sha256:[0-9a-f]{64}$", max_length=512)]
    """The image, pinned by digest: a tag may mean another image tomorrow."""

    jax: VersionPrefix | None = None
    """Version of jax in it, or its beginning: 0.12 allows 0.12.1."""

    jaxlib: VersionPrefix | None = None
    """Version of jaxlib in it, or its beginning."""

    python: VersionPrefix | None = None
    """Version of Python in it, or its beginning."""

    libtpu: VersionPrefix | None = None
    """Version of libtpu in it, or its beginning. For TPU."""

    cuda: VersionPrefix | None = None
    """Version of CUDA that jaxlib was built for, or its beginning. For NVIDIA GPUs."""

    env: Annotated[tuple[EnvironmentVariable, ...], Field(max_length=64)] = ()
    """Environment of every program; what a job's own template sets wins."""

    xla_flags: Annotated[tuple[Flag, ...], Field(max_length=64)] = ()
    """Flags for XLA_FLAGS, such as --xla_gpu_enable_latency_hiding_scheduler=true."""

    libtpu_init_args: Annotated[tuple[Flag, ...], Field(max_length=64)] = ()
    """Flags for LIBTPU_INIT_ARGS."""

    accelerators: Annotated[tuple[DnsSubdomain, ...], Field(max_length=32)] = ()
    """AcceleratorClasses on which a pod verifies the image before anyone uses it; those of jobs
    that name this runtime are verified as well."""


class RuntimeFound(KubeModel):
    """What a pod found on one AcceleratorClass."""

    accelerator: str
    """The AcceleratorClass."""

    state: Literal["Pending", "Verified", "Mismatch", "Failed"]
    """Whether it is what the spec says."""

    message: str = ""
    """What differs, with both values, or why nothing could be found out."""

    jax: str | None = None
    """Version of jax."""

    jaxlib: str | None = None
    """Version of jaxlib."""

    python: str | None = None
    """Version of Python."""

    platform: str | None = None
    """The backend that JAX took: tpu, cuda, rocm or cpu."""

    platform_version: str | None = None
    """Version of libtpu, or of the CUDA that jaxlib was built for; absent on cpu."""

    compression: str | None = None
    """How JAX compresses what it keeps in a compile cache: zstandard or zlib."""

    device: str | None = None
    """Kind of the devices, such as TPU v5 lite."""

    devices: Count | None = None
    """How many one pod sees."""

    time: Time | None = None
    """When. Absent as long as no pod has told anything."""

    spec_hash: str | None = None
    """Hash of what was verified: image, environment, flags and shape of the accelerator. Another
    one is verified anew."""


class JaxRuntimeStatus(KubeModel):
    """What the operator saw."""

    observed_generation: Count | None = None
    """The `metadata.generation` that this status is for."""

    state: RuntimeState | None = None
    """The worst of all accelerators; Unused where there is none."""

    message: str | None = None
    """Why, as one sentence that a person can act on."""

    found: Annotated[tuple[RuntimeFound, ...], Field(max_length=64)] = ()
    """What a pod found on each AcceleratorClass in use."""

    conditions: tuple[Condition, ...] = ()
    """Ready, Reconciling and Stalled, as kstatus reads them."""


class JaxRuntime(KubeModel):
    """An image with JAX, pinned by digest, and what it has to match: versions, environment, XLA
    flags. A pod on each accelerator in use verifies that it does."""

    api_version: Literal["jaxop.dev/v1alpha1"] = "jaxop.dev/v1alpha1"
    kind: Literal["JaxRuntime"] = "JaxRuntime"
    metadata: ObjectMeta
    spec: JaxRuntimeSpec
    """What programs run in."""

    status: JaxRuntimeStatus = JaxRuntimeStatus()
    """What the operator saw."""
