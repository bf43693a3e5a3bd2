"""The environment by which libtpu finds the hosts of its slice, and slices find each other.

On a bare pod nobody else sets it. The addresses are DNS names that exist before the pods do.
"""

from jaxop.api.plan import Manifest
from jaxop.domain import contract, labels
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.pods.program_env import Member


def tpu_env(member: Member) -> list[Manifest]:
    """Empty unless the platform is tpu; MEGASCALE_* only for several slices."""
    layout = member.layout
    if layout.platform != "tpu":
        return []
    hosts = [
        names.address(member.jaxjob, member.namespace, member.attempt, member.slice_index, index)
        for index in range(layout.hosts)
    ]
    port = contract.TPU_PROCESS_PORT
    index_path = f"metadata.annotations['{labels.COMPLETION_INDEX}']"
    env: list[Manifest] = [
        {"name": "TPU_WORKER_ID", "valueFrom": {"fieldRef": {"fieldPath": index_path}}},
        {"name": "TPU_WORKER_HOSTNAMES", "value": ",".join(hosts)},
        {"name": "TPU_PROCESS_ADDRESSES", "value": ",".join(f"{h}:{port}" for h in hosts)},
        {"name": "TPU_PROCESS_PORT", "value": str(port)},
    ]
    if layout.slices > 1:
        coordinator = names.address(member.jaxjob, member.namespace, member.attempt, 0, 0)
        env += [
            {"name": "MEGASCALE_COORDINATOR_ADDRESS", "value": coordinator},
            {"name": "MEGASCALE_NUM_SLICES", "value": str(layout.slices)},
            {"name": "MEGASCALE_SLICE_ID", "value": str(member.slice_index)},
            {"name": "MEGASCALE_PORT", "value": str(contract.MEGASCALE_PORT)},
        ]
    return env
