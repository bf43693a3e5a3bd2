"""The name of a cache namespace: a digest of all that pods must have in common to share entries.

It follows the key under which JAX itself keeps an entry (jax/_src/cache_key.py), as far as that is
known before a pod runs. What a program is, is not part of it: a namespace holds many programs.

    goes in                   why
    image                     decides the versions of jaxlib, libtpu or CUDA, Python and the
                              compression, which are all in JAX's key, once it is pinned by digest
    pinned versions           where the image is not: a tag is not one image for ever
    XLA_FLAGS                 in JAX's key, in any order. Of one flag given twice the last holds, so
    LIBTPU_INIT_ARGS          among themselves they keep theirs
    --xla... in the command   JAX reads them as well
    class of accelerator      the kind of device, and the compiler
    topology, or chips        the topology is in JAX's key
    hosts, slices             likewise, with the devices of a computation
    devices of a chip or cpu  likewise; on cpu they are what
                              --xla_force_host_platform_device_count says, though JAX leaves the
                              flag itself out

    does not                  why
    flags that JAX leaves out they say where to dump what, and change no program
    versions, pinned image    it has them in it, whoever names them
    JAX_ENABLE_X64 and such   they change programs, and JAX's key with them
    CPU features, drivers     not known before a pod runs; in JAX's key
    the path of the cache     it is the same in all pods
    job, namespace, labels    a CompileCache is for all of a namespace

Where the digest says too little, JAX's own key does the rest: it misses, and compiles.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from jaxop.domain.devices import SliceLayout

DIGITS: Final = 16

NOT_IN_THE_KEY: Final = frozenset(
    {
        "--xla_dump_compress_protos",
        "--xla_dump_disable_metadata",
        "--xla_dump_fusion_visualization",
        "--xla_dump_hlo_as_dot",
        "--xla_dump_hlo_as_html",
        "--xla_dump_hlo_as_long_text",
        "--xla_dump_hlo_as_proto",
        "--xla_dump_hlo_as_text",
        "--xla_dump_hlo_as_url",
        "--xla_dump_hlo_module_re",
        "--xla_dump_hlo_pass_re",
        "--xla_dump_hlo_pipeline_re",
        "--xla_dump_hlo_snapshots",
        "--xla_dump_include_timestamp",
        "--xla_dump_max_hlo_modules",
        "--xla_dump_module_metadata",
        "--xla_dump_to",
        "--xla_force_host_platform_device_count",
        "--xla_gpu_cuda_data_dir",
        "--xla_gpu_experimental_autotune_cache_mode",
        "--xla_tpu_sdc_checker_enable_coresweep_ng_callbacks",
        "--xla_tpu_sdc_checker_enable_sdc_event_callbacks",
        "--xla_tpu_sdc_checker_no_logging_if_callbacks_are_present",
        "--xla_tpu_sdc_checker_streamz_metric",
    }
)
"""Flags that JAX 0.10.2 and 0.12.0.1 both leave out of their keys."""

_DEVICE_COUNT: Final = "--xla_force_host_platform_device_count"


@dataclass(frozen=True, slots=True)
class Program:
    """What a pod template and a JaxRuntime say of the process that compiles."""

    image: str
    versions: Mapping[str, str] = field(default_factory=dict)
    """By package, as a JaxRuntime pins them."""
    xla_flags: str = ""
    """The variable XLA_FLAGS."""
    libtpu_init_args: str = ""
    """The variable LIBTPU_INIT_ARGS."""
    arguments: tuple[str, ...] = ()
    """The words of the command."""


def cache_namespace(program: Program, layout: SliceLayout) -> str:
    """16 hexadecimal digits of the SHA-256 of what goes in, as canonical JSON."""
    pinned = "@sha256:" in program.image
    given = {
        "image": program.image,
        "versions": {} if pinned else dict(program.versions),
        "xlaFlags": _in_the_key(program.xla_flags.split()),
        "libtpuInitArgs": _in_the_key(program.libtpu_init_args.split()),
        "arguments": _in_the_key(w for w in program.arguments if w.startswith("--xla")),
        "class": layout.class_name,
        "topology": layout.topology,
        "chipsPerHost": layout.chips_per_host,
        "hosts": layout.hosts,
        "slices": layout.slices,
        "devices": _devices(program, layout),
    }
    text = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _in_the_key(flags: Iterable[str]) -> list[str]:
    kept = [flag for flag in flags if _name(flag) not in NOT_IN_THE_KEY]
    return sorted(kept, key=_name)


def _devices(program: Program, layout: SliceLayout) -> str:
    """Of each chip; on cpu, of each host."""
    if layout.platform != "cpu":
        return str(layout.devices_per_chip)
    counts = [f for f in program.xla_flags.split() if _name(f) == _DEVICE_COUNT]
    return counts[-1].partition("=")[2] if counts else "1"


def _name(flag: str) -> str:
    return flag.partition("=")[0]
