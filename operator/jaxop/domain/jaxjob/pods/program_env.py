"""The environment that tells a pod's launcher what gang it belongs to (contract.json)."""

import json
from dataclasses import dataclass

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.common import KubeModel
from jaxop.api.v1alpha1.jaxjob import JaxJobSpec
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger
from jaxop.api.v1alpha1.labels import TOKEN_KEY, TOKEN_SECRET
from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods import names


@dataclass(frozen=True, slots=True)
class Member:
    """Which Job of which gang a pod template is for."""

    jaxjob: str
    namespace: str
    attempt: int
    slice_index: int
    layout: SliceLayout
    ledger: RestartLedger | None = None
    """None before the first restart."""


def launcher_env(member: Member, spec: JaxJobSpec, grace_seconds: int) -> list[Manifest]:
    layout = member.layout
    gang_address = names.address(member.jaxjob, member.namespace, member.attempt, 0, 0)
    values = {
        contract.ENV_JOB: f"{member.namespace}/{member.jaxjob}",
        contract.ENV_ATTEMPT: str(member.attempt),
        contract.ENV_NUM_PROCESSES: str(layout.processes),
        contract.ENV_PROCESS_BASE: str(member.slice_index * layout.hosts),
        contract.ENV_HOSTS_PER_SLICE: str(layout.hosts),
        contract.ENV_GANG_ADDRESS: gang_address,
        contract.ENV_PLATFORM: layout.platform,
        contract.ENV_GRACE_SECONDS: str(grace_seconds),
        contract.ENV_RESTART_POLICY: as_json(spec.restart_policy),
        contract.ENV_SUCCESS_POLICY: spec.success_policy,
        contract.ENV_PREFLIGHT: as_json(spec.preflight),
    }
    if member.ledger is not None:
        values[contract.ENV_LEDGER] = as_json(member.ledger)
    if layout.chips_per_host:
        values[contract.ENV_LOCAL_DEVICES] = str(layout.chips_per_host)
    if layout.devices_per_chip != 1:
        values[contract.ENV_DEVICES_PER_CHIP] = str(layout.devices_per_chip)
    if spec.checkpoint is not None:
        values[contract.ENV_CHECKPOINT_DIR] = spec.checkpoint.path
    token: Manifest = {
        "name": contract.ENV_TOKEN,
        "valueFrom": {"secretKeyRef": {"name": TOKEN_SECRET, "key": TOKEN_KEY}},
    }
    return [*({"name": name, "value": value} for name, value in values.items()), token]


def as_json(model: KubeModel) -> str:
    return json.dumps(model.to_manifest(), separators=(",", ":"))
