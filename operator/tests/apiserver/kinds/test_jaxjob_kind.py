"""A JaxJob on a real API server: defaults, what may change, its status, its columns."""

import copy
from typing import Any

import pytest
from bad_manifests import BASES, PROGRAM, a_jaxjob
from jaxop.api.v1alpha1 import JaxJob
from plain_api import APPLY, CRDS, JAXJOBS, MERGE, Api

UNCHANGEABLE = "cannot change after creation: delete the JaxJob and create it anew"
WHILE_SUSPENDED = "can change only while the job is suspended: set spec.suspend to true first"
JOB = f"{JAXJOBS}/digits"


def patch(api: Api, body: dict[str, Any], subresource: str = "") -> Any:
    return api.request("PATCH", JOB + subresource, body, content_type=MERGE)


def test_defaults_are_filled_in_by_the_api_server(api: Api) -> None:
    manifest = a_jaxjob()
    manifest["spec"]["checkpoint"] = {"volumeClaim": "ckpt"}
    with api.created(JAXJOBS, manifest) as created:
        assert created["spec"]["accelerator"]["slices"] == 1
        assert created["spec"]["checkpoint"]["path"] == "/checkpoints"
        assert created["spec"]["checkpoint"]["graceSeconds"] == 60
        assert created["spec"]["restartPolicy"] == {
            "maxRestarts": 3,
            "windowSeconds": 86400,
            "inPlace": True,
            "exemptCauses": ["Preempted", "NodeLost"],
            "backoff": {"initialSeconds": 10, "maxSeconds": 300},
            "rules": [],
        }
        assert created["spec"]["successPolicy"] == "AllProcesses"
        assert created["spec"]["scheduling"] == {"gang": "None"}
        assert created["spec"]["managedBy"] == "jaxop.dev/jax-operator"
        assert created["spec"]["suspend"] is False
        assert "status" not in created


def test_what_the_api_server_stores_is_what_the_model_reads(api: Api) -> None:
    with api.created(JAXJOBS, BASES["tpu"]) as created:
        job = JaxJob.model_validate(created)
        assert job.to_manifest()["spec"] == created["spec"]


def test_a_pod_template_passes_through_whole(api: Api) -> None:
    manifest = a_jaxjob()
    pod = manifest["spec"]["template"]["spec"]
    pod["affinity"] = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]
            }
        }
    }
    pod["volumes"] = [{"name": "data", "hostPath": {"path": "/data", "type": "Directory"}}]
    pod["fieldOfKubernetes2030"] = {"deep": [{"er": 1}]}
    pod["containers"][0] |= {
        "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": {"limits": {"memory": "1Gi", "cpu": 2}, "claims": [{"name": "c"}]},
        "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
        "fieldOfKubernetes2030": True,
    }  # fmt: skip
    with api.created(JAXJOBS, manifest) as created:
        assert created["spec"]["template"] == manifest["spec"]["template"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("accelerator", {"accelerator": {"hosts": 4}}),
        ("accelerator", {"accelerator": {"slices": 2}}),
        ("template", {"template": {"spec": {"containers": [PROGRAM | {"image": "other"}]}}}),
        ("template", {"template": {"spec": {"containers": [PROGRAM | {"args": ["--lr=1"]}]}}}),
        ("template", {"template": {"spec": {"tolerations": [{"operator": "Exists"}]}}}),
        ("template", {"template": {"metadata": {"annotations": {"a": "b"}}}}),
        # As many fields as before, under other names.
        ("template", {"template": {"spec": {"priority": None, "schedulerName": "mine"}}}),
        ("checkpoint", {"checkpoint": {"graceSeconds": 61}}),
        ("checkpoint", {"checkpoint": None}),
        ("managedBy", {"managedBy": "kueue.x-k8s.io/multikueue"}),
    ],
)
def test_what_pods_are_made_of_cannot_change(
    api: Api, field: str, change: dict[str, Any]
) -> None:  # fmt: skip
    manifest = a_jaxjob()
    manifest["spec"]["template"]["spec"]["priority"] = 1
    manifest["spec"]["checkpoint"] = {"volumeClaim": "ckpt"}
    with api.created(JAXJOBS, manifest):
        answer = patch(api, {"spec": change})
        assert answer.code == 422, f"the API server took it: {answer.body}"
        remedy = WHILE_SUSPENDED if field == "template" else UNCHANGEABLE
        assert answer.faults == [f"spec.{field}: Forbidden: {remedy}"]


def test_a_suspended_jobs_template_can_change_also_as_it_is_resumed(api: Api) -> None:
    manifest = a_jaxjob()
    manifest["spec"]["suspend"] = True
    with api.created(JAXJOBS, manifest):
        for image, suspend in (("b", True), ("c", False)):
            template = {"spec": {"containers": [PROGRAM | {"image": image}]}}
            answer = patch(api, {"spec": {"template": template, "suspend": suspend}})
            assert answer.code == 200, answer.faults
        together = {"template": {"spec": {"priority": 1}}, "suspend": True}
        answer = patch(api, {"spec": together})
        assert answer.faults == [f"spec.template: Forbidden: {WHILE_SUSPENDED}"]


@pytest.mark.parametrize(
    "rule",
    [
        {"onExitCodes": [64]},
        {"onCauses": ["NodeLost"]},
        {"onCauses": ["ProgramError"], "onExitCodes": [1]},
    ],
)
def test_a_restart_rule_needs_only_one_of_its_lists(api: Api, rule: dict[str, Any]) -> None:
    manifest = a_jaxjob()
    manifest["spec"]["restartPolicy"] = {"rules": [rule | {"action": "Fail"}]}
    with api.created(JAXJOBS, manifest) as created:
        job = JaxJob.model_validate(created)
        assert job.spec.restart_policy.rules[0].action == "Fail"


def test_suspending_and_the_restart_budget_can_change(api: Api) -> None:
    with api.created(JAXJOBS, a_jaxjob()):
        answer = patch(api, {"spec": {"suspend": True, "restartPolicy": {"maxRestarts": 9}}})
        assert answer.code == 200, answer.faults
        assert answer.body["metadata"]["generation"] == 2


def test_status_is_written_apart_from_the_spec(api: Api) -> None:
    with api.created(JAXJOBS, a_jaxjob()):
        through_object = patch(api, {"status": {"state": "Running"}})
        assert "status" not in through_object.body
        answer = patch(
            api, {"status": {"state": "Running"}, "spec": {"suspend": True}}, subresource="/status"
        )
        assert answer.body["status"] == {"state": "Running"}
        assert answer.body["spec"]["suspend"] is False
        assert answer.body["metadata"]["generation"] == 1


def test_a_status_with_words_newer_than_the_crd_is_kept(api: Api) -> None:
    with api.created(JAXJOBS, a_jaxjob()):
        status = {
            "state": "Levitating",
            "failure": {"cause": "CosmicRay", "message": "x" * 5000},
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "New", "message": "",
                 "lastTransitionTime": "2026-11-21T12:00:00Z"}
            ],
        }  # fmt: skip
        answer = patch(api, {"status": status}, subresource="/status")
        assert answer.code == 200, answer.faults
        assert answer.body["status"] == status


def test_conditions_are_a_map_by_type(api: Api) -> None:
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Running",
        "message": "",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }
    with api.created(JAXJOBS, a_jaxjob()):
        twice = patch(api, {"status": {"conditions": [condition, condition]}}, "/status")
        assert twice.faults == ['status.conditions[1]: Duplicate value: {"type":"Ready"}']


def test_gitops_tools_share_an_object_by_server_side_apply(api: Api) -> None:
    manifest = copy.deepcopy(a_jaxjob())
    path = f"{JOB}?fieldManager=flux&fieldValidation=Strict"
    try:
        for code in (201, 200):
            answer = api.request("PATCH", path, manifest, content_type=APPLY)
            assert answer.code == code, answer.faults
        assert answer.body["metadata"]["generation"] == 1
        typo = copy.deepcopy(manifest)
        typo["spec"]["suspended"] = True
        answer = api.request("PATCH", path, typo, content_type=APPLY)
        assert answer.code in (400, 500)
        assert "spec.suspended" in answer.faults[0]
        other = {k: manifest[k] for k in ("apiVersion", "kind", "metadata")}
        other["spec"] = {"suspend": True}
        second = f"{JOB}?fieldManager=queue"
        answer = api.request("PATCH", second, other, content_type=APPLY)
        assert answer.code == 200, answer.faults
        assert answer.body["spec"]["suspend"] is True
        answer = api.request("PATCH", path, manifest, content_type=APPLY)
        assert answer.body["spec"]["suspend"] is True, "flux took away what another manager set"
    finally:
        api.request("DELETE", JOB)


def test_columns_of_kubectl_get(api: Api) -> None:
    status = {
        "state": "Running",
        "reason": "Training",
        "message": "step 120",
        "accelerator": "cpu x2",
        "hosts": {"wanted": 2, "ready": 2, "summary": "2/2"},
        "step": 120,
        "restarts": 1,
        "attempt": 1,
        "failure": {"cause": "NodeLost", "message": "m"},
    }
    with api.created(JAXJOBS, a_jaxjob()):
        patch(api, {"status": status}, "/status")
        table = api.request(
            "GET", JOB, accept="application/json;as=Table;v=v1;g=meta.k8s.io"
        ).body  # fmt: skip
        columns = [c["name"] for c in table["columnDefinitions"] if c["priority"] == 0]
        wide = [c["name"] for c in table["columnDefinitions"] if c["priority"] == 1]
        cells = table["rows"][0]["cells"]
    assert columns == ["Name", "State", "Reason", "Accelerator", "Hosts", "Step", "Restarts", "Age"]
    assert cells[:7] == ["digits", "Running", "Training", "cpu x2", "2/2", 120, 1]
    assert wide == [
        *("Cache", "First step", "Goodput", "Attempt", "Cause", "Started", "Completed", "Message")
    ]
    assert cells[11:13] == [1, "NodeLost"]


def test_names_by_which_people_ask_for_it(api: Api) -> None:
    names = api.request("GET", f"{CRDS}/jaxjobs.jaxop.dev").body["status"]["acceptedNames"]
    assert names["shortNames"] == ["jj"]
    assert names["categories"] == ["jax", "all"]
    names = api.request("GET", f"{CRDS}/acceleratorclasses.jaxop.dev").body["status"]
    assert names["acceptedNames"]["shortNames"] == ["ac", "accelclass"]
