"""The Deployment of one revision, for replicas of one host.

Its template is built once. As long as the Deployment exists, it is written back as it is, so that
neither another operator nor a changed AcceleratorClass replaces pods that serve.
"""

from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxService
from jaxop.api.v1alpha1.labels import ATTEMPT, JAXJOB, SLICE
from jaxop.domain import contract, labels
from jaxop.domain.jaxjob.pods.compile_cache import compiling
from jaxop.domain.jaxjob.pods.pod import pod_template
from jaxop.domain.jaxjob.pods.program_env import Member
from jaxop.domain.jaxjob.warming.asked import QUEUEING
from jaxop.domain.service import names
from jaxop.domain.service.children.metadata import metadata
from jaxop.domain.service.replica import Described
from jaxop.domain.service.views import DeploymentView

_OF_A_GANG: Final = frozenset({contract.ENV_GANG_ADDRESS, contract.ENV_TOKEN})
"""A launcher without peers needs neither."""

_ALONE: Final = {
    "TPU_WORKER_ID": "0",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_PROCESS_ADDRESSES": f"localhost:{contract.TPU_PROCESS_PORT}",
}
"""How libtpu finds the only host of its slice."""


def new_deployment(service: JaxService, described: Described, replicas: int) -> Manifest:
    return _deployment(
        service, described.revision.hash, replicas, replica_template(service, described)
    )


def scaled_deployment(service: JaxService, there: DeploymentView, replicas: int) -> Manifest:
    return _deployment(service, there.revision, replicas, there.template)


def _deployment(service: JaxService, revision: str, replicas: int, template: Manifest) -> Manifest:
    name = service.metadata.name
    marks = labels.of_revision(name, revision)
    queueing = {k: v for k, v in service.metadata.labels.items() if k.startswith(QUEUEING)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(service, names.of_revision(name, revision), {**queueing, **marks}),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": marks},
            "template": template,
        },
    }


def replica_template(service: JaxService, described: Described) -> Manifest:
    """Of a JaxJob's only pod, made one of a Deployment's."""
    job, layout, name = described.job, described.layout, service.metadata.name
    member = Member(name, service.metadata.namespace, 0, 0, layout)
    template = pod_template(
        job.jaxjob.spec, member, job.settings.runtime_image, compiling(job, layout)
    )
    marks: dict[str, str] = template["metadata"]["labels"]
    for of_a_job in (JAXJOB, ATTEMPT, SLICE):
        marks.pop(of_a_job, None)
    marks.update(labels.of_revision(name, described.revision.hash))
    marks[labels.COMPLETION_INDEX] = "0"
    pod = template["spec"]
    pod["restartPolicy"] = "Always"
    pod.pop("subdomain", None)
    server = next(c for c in pod["containers"] if c["name"] == contract.CONTAINER)
    server["env"] = [
        *_without_gang(server["env"]),
        {"name": contract.ENV_COMPLETION_INDEX, "value": "0"},
    ]
    server["ports"] = [p for p in server["ports"] if p.get("containerPort") != contract.GANG_PORT]
    return template


def _without_gang(env: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ours = {entry["name"] for entry in env if "valueFrom" in entry or entry["name"] in _ALONE}
    return [
        {"name": name, "value": _ALONE[name]} if name in ours and name in _ALONE else entry
        for entry in env
        if (name := entry["name"]) not in _OF_A_GANG
    ]
