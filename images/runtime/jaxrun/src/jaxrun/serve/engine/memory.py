"""Plans the device's memory before anything runs: what does not fit is refused with the numbers."""

from typing import Any

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.engine.loading import MemoryPlan, Need
from jaxrun.serve.errors import LoadFailed


def limit_of(device: Any) -> int | None:
    """What a process may allocate on a jax.Device, in bytes; None where it does not tell."""
    stats = device.memory_stats()
    limit = (stats or {}).get("bytes_limit")
    return int(limit) if limit else None


def need_of(compiled: Any, parameter_bytes: int) -> Need:
    """What a jax.stages.Compiled takes on each device beside the params; zeros if nobody knows."""
    stats = compiled.memory_analysis()
    if stats is None:
        return Need(0, 0, 0, 0)
    return Need(
        temporary_bytes=stats.temp_size_in_bytes,
        output_bytes=stats.output_size_in_bytes - stats.alias_size_in_bytes,
        input_bytes=max(stats.argument_size_in_bytes - parameter_bytes, 0),
        code_bytes=stats.generated_code_size_in_bytes,
    )


def refuse_what_cannot_fit(plan: MemoryPlan, bucket: Bucket) -> None:
    """Raises LoadFailed where a bucket, with all that stays on the device, is above the limit."""
    if plan.limit_bytes is None:
        return
    need = plan.buckets[bucket]
    code = sum(each.code_bytes for each in plan.buckets.values())
    total = plan.bytes_of(bucket)
    if total > plan.limit_bytes:
        raise LoadFailed(
            f"bucket {bucket} needs {mebibytes(total)} of a device that has "
            f"{mebibytes(plan.limit_bytes)}: params {mebibytes(plan.parameter_bytes)}, "
            f"temporary {mebibytes(need.temporary_bytes)}, code {mebibytes(code)}, and "
            f"{plan.depth} batches in flight with inputs {mebibytes(need.input_bytes)} and "
            f"outputs {mebibytes(need.output_bytes)} each; take smaller buckets or shard the params"
        )


def mebibytes(size_bytes: int) -> str:
    """`1.5 MiB`"""
    return f"{size_bytes / (1 << 20):,.1f} MiB"
