import pytest
from jaxop.api.plan import ObjectRef
from jaxop.kube.resources import (
    ACCELERATORCLASSES,
    JAXJOBS,
    JOBS,
    PODS,
    Key,
    key_of,
    ref_of,
    resource_of,
)


def test_paths() -> None:
    assert PODS.path() == "/api/v1/pods"
    assert PODS.path("ns") == "/api/v1/namespaces/ns/pods"
    assert PODS.path("ns", "p", "log") == "/api/v1/namespaces/ns/pods/p/log"
    assert JOBS.path("ns", "j") == "/apis/batch/v1/namespaces/ns/jobs/j"
    assert ACCELERATORCLASSES.path("", "cpu") == ("/apis/jaxop.dev/v1alpha1/acceleratorclasses/cpu")
    assert str(JAXJOBS) == "jaxjobs.jaxop.dev"
    assert str(PODS) == "pods"


def test_by_kind() -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "uid": "u"}}
    assert resource_of(job) is JOBS
    assert resource_of(ref_of(job)) is JOBS
    assert ref_of(job) == ObjectRef("batch/v1", "Job", "", "j", "u")
    assert key_of(job) == Key("Job", "", "j")
    assert str(Key("JaxJob", "ns", "j")) == "JaxJob ns/j"
    assert str(Key("AcceleratorClass", "", "cpu")) == "AcceleratorClass cpu"
    with pytest.raises(LookupError, match="batch/v2 Job is not a registered kind"):
        resource_of({**job, "apiVersion": "batch/v2"})
