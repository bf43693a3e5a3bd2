"""A Warmup with aheadOfTime: what its JaxJobs are, and what it says that they prove."""

import json
from typing import Any

import pytest
from building import World, a_jaxjob
from caching import a_cache
from catalogue import catalogue
from jaxop.api.v1alpha1 import JaxJob
from jaxop.api.v1alpha1.accelerator_class import AcceleratorClass
from jaxop.api.v1alpha1.jaxjob import Accelerator
from jaxop.domain.devices import SliceLayout, resolve
from jaxop.domain.jaxjob.pods.ahead_of_time import AbsentDevices, absent_devices
from jaxop.domain.problem import Problem
from jaxop.domain.warmup.absent import described
from test_jaxjob_children import env_of, pod_of, program_of
from warmups import Namespace, a_namespace

DIGEST = "0123456789abcdef"
ON_TPU = {"class": "tpu-v5e", "topology": "4x4"}
PROGRAM = {"name": "jax", "image": "team/digits:1", "command": ["python", "-m", "train"]}


def compiling(**spec: Any) -> Namespace:
    ns = a_namespace(**{"accelerator": ON_TPU, "aheadOfTime": True, **spec})
    ns.settle()
    assert ns.where() == ("Compiling", "Filling"), ns.status().message
    return ns


def verifying() -> Namespace:
    ns = compiling()
    ns.succeeds("w-fill0", requests=3, offered=3)
    ns.look()
    ns.keeper_saw("w-fill0", 3)
    ns.settle()
    assert ns.where() == ("Verifying", "Verifying")
    return ns


def pods_of(ns: Namespace, job: str) -> World:
    """The JaxJob as its own controller sees it."""
    made = JaxJob.model_validate(ns.jobs[job])
    world = a_jaxjob().spec(**made.spec.to_manifest()).seeing(compile_cache=a_cache())
    return world.metadata(**made.metadata.to_manifest())


def a_description(name: str, topology: str, **more: Any) -> AbsentDevices | Problem:
    accelerator = catalogue()[name]
    request = Accelerator.model_validate({"class": name, "topology": topology, **more})
    layout = resolve(name, accelerator.spec, request)
    assert isinstance(layout, SliceLayout)
    return described(accelerator, layout, DIGEST)


class TestWhatIsCompiledFor:
    @pytest.mark.parametrize(
        ("name", "topology", "chips", "wanted", "bounds", "devices"),
        [
            ("tpu-v5e", "4x4", None, "v5e:4x4", [2, 2, 1], 16),
            ("tpu-v5e", "2x4", 8, "v5e:2x4", [2, 4, 1], 8),
            ("tpu-v5e", "2x4", 4, "v5e:2x4", [2, 2, 1], 8),
            ("tpu-v5e-device", "1x1", None, "v5e:1x1", [1, 1, 1], 1),
            ("tpu-v5p", "2x2x2", None, "v5p:2x2x2", [2, 2, 1], 8),
            ("tpu-v6e", "16x16", None, "v6e:16x16", [2, 2, 1], 256),
            ("tpu-7x", "2x2x1", None, "tpu7x:2x2x1", [2, 2, 1], 8),
        ],
    )
    def test_by_its_compilers_words(
        self,
        name: str,
        topology: str,
        chips: int | None,
        wanted: str,
        bounds: list[int],
        devices: int,
    ) -> None:
        more = {"chipsPerHost": chips} if chips else {}
        assert a_description(name, topology, **more) == AbsentDevices(
            DIGEST, "tpu", wanted, {"chips_per_host_bounds": bounds}, devices
        )

    def test_a_chip_of_v4_is_one_device(self) -> None:
        found = a_description("tpu-v4", "2x2x1")
        assert isinstance(found, AbsentDevices)
        assert found.options["chip_config_name"] == "megacore"
        assert found.devices == 4

    def test_every_tpu_of_the_catalogue_in_every_topology_that_it_lists(self) -> None:
        for name, accelerator in catalogue().items():
            if accelerator.spec.platform == "tpu":
                for one in accelerator.spec.topologies:
                    found = a_description(name, one.topology, chipsPerHost=one.chips_per_host)
                    assert isinstance(found, AbsentDevices), (name, one.topology)

    def test_not_several_slices(self) -> None:
        found = a_description("tpu-v5e", "4x4", slices=2)
        assert isinstance(found, Problem)
        assert "2 slices" in found.fault

    def test_not_hosts_of_a_shape_that_nobody_knows(self) -> None:
        spec = catalogue()["tpu-v5e"].spec.to_manifest()
        spec["topologies"] = [{"topology": "2x3", "chipsPerHost": 6}]
        odd = AcceleratorClass.model_validate({"metadata": {"name": "odd"}, "spec": spec})
        layout = resolve(
            "odd", odd.spec, Accelerator.model_validate({"class": "odd", "topology": "2x3"})
        )
        assert isinstance(layout, SliceLayout)
        found = described(odd, layout, DIGEST)
        assert isinstance(found, Problem)
        assert "6 chips" in found.fault


class TestItsJaxJobs:
    def test_run_on_one_host_of_cpu(self) -> None:
        ns = compiling()
        job = JaxJob.model_validate(ns.jobs["w-fill0"])
        assert job.spec.accelerator.to_manifest() == {"class": "cpu", "hosts": 1, "slices": 1}
        assert job.spec.template == ns.warmup().spec.template

    def test_are_in_the_cache_namespace_of_a_job_on_the_accelerator(self) -> None:
        """What they compile is for exactly those who will read it."""
        on_tpu = a_jaxjob("real").spec(
            accelerator=ON_TPU,
            template={"spec": {"containers": [PROGRAM]}},
            compileCache={"name": "team-cache"},
        )
        digest = env_of(on_tpu.seeing(compile_cache=a_cache()))["JAXRUN_CACHE_NAMESPACE"]
        ns = verifying()
        assert ns.status().cache_namespace == digest
        for job in ("w-fill0", "w-verify0"):
            env = env_of(pods_of(ns, job))
            assert env["JAXRUN_CACHE_NAMESPACE"] == digest
            assert (
                pod_of(pods_of(ns, job))["metadata"]["labels"]["jaxop.dev/cache-namespace"]
                == digest
            )

    def test_are_told_what_to_compile_for_and_have_none_of_it(self) -> None:
        limits = {"google.com/tpu": "4", "memory": "8Gi"}
        resources = {"limits": limits, "requests": {"google.com/tpu": "4"}}
        template = {"spec": {"containers": [{**PROGRAM, "resources": resources}]}}
        ns = compiling(template=template)
        world = pods_of(ns, "w-fill0")
        env, pod = env_of(world), pod_of(world)["spec"]
        assert json.loads(env["JAXRUN_AHEAD_OF_TIME"]) == {
            "platform": "tpu",
            "topology": "v5e:4x4",
            "options": {"chips_per_host_bounds": [2, 2, 1]},
            "devices": 16,
        }
        assert (env["JAXRUN_PLATFORM"], env["JAXRUN_NUM_PROCESSES"]) == ("cpu", "1")
        assert (env["JAXRUN_WARMUP"], env["JAXRUN_CACHE_OFFERS"]) == ("Fill", "true")
        assert program_of(world)["resources"] == {"limits": {"memory": "8Gi"}, "requests": {}}
        text = json.dumps(pod)
        assert "google.com/tpu" not in text
        assert "gke-tpu" not in text

    def test_the_verification_offers_nothing(self) -> None:
        env = env_of(pods_of(verifying(), "w-verify0"))
        assert env["JAXRUN_WARMUP"] == "Verify"
        assert "JAXRUN_CACHE_OFFERS" not in env
        assert "JAXRUN_AHEAD_OF_TIME" in env

    def test_without_aheadoftime_they_are_what_they_were(self) -> None:
        ns = a_namespace(accelerator=ON_TPU)
        ns.settle()
        job = JaxJob.model_validate(ns.jobs["w-fill0"])
        assert job.spec.accelerator.class_ == "tpu-v5e"
        assert job.metadata.annotations == {}
        assert "JAXRUN_AHEAD_OF_TIME" not in env_of(pods_of(ns, "w-fill0"))

    def test_of_a_class_that_has_lost_its_aheadoftime_there_is_no_second(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=3, offered=3)
        ns.look()
        ns.keeper_saw("w-fill0", 3)
        ns.look()
        lost = catalogue()["tpu-v5e"].replace(
            spec=catalogue()["tpu-v5e"].spec.replace(ahead_of_time=None)
        )
        monkeypatch.setattr("warmups.catalogue", lambda: {**catalogue(), "tpu-v5e": lost})
        ns.settle()
        assert list(ns.jobs) == ["w-fill0"]
        assert ns.where() == ("Verifying", "InvalidSpec")
        assert ns.conditions()["Stalled"] == "True"
        monkeypatch.undo()
        ns.settle()
        assert "w-verify0" in ns.jobs


class TestTheAnnotation:
    def test_there_and_back(self) -> None:
        absent = AbsentDevices(DIGEST, "tpu", "v4:2x2x1", {"chip_config_name": "megacore"}, 4)
        marked = a_jaxjob().metadata(annotations={"jaxop.dev/ahead-of-time": absent.annotation})
        assert absent_devices(marked.jaxjob) == absent

    @pytest.mark.parametrize(
        "text",
        [
            *("", "{", "[]", "3", "{}"),
            '{"cacheNamespace": "../..", "platform": "tpu", "topology": "v5e:2x2", '
            '"options": {}, "devices": 4}',
        ],
    )
    def test_one_that_makes_no_sense_is_none(self, text: str) -> None:
        marked = a_jaxjob().metadata(annotations={"jaxop.dev/ahead-of-time": text})
        assert absent_devices(marked.jaxjob) is None

    def test_on_a_job_that_is_no_warmups_it_says_nothing(self) -> None:
        world = pods_of(compiling(), "w-fill0").metadata(labels={})
        assert "JAXRUN_AHEAD_OF_TIME" not in env_of(world)
        assert env_of(world)["JAXRUN_CACHE_NAMESPACE"] != compiling().status().cache_namespace


class TestStalled:
    @pytest.mark.parametrize(
        "accelerator", [{"class": "cpu"}, {"class": "nvidia-h100", "chipsPerHost": 8}]
    )
    def test_on_what_cannot_be_compiled_for(self, accelerator: dict[str, Any]) -> None:
        ns = a_namespace(accelerator=accelerator, aheadOfTime=True)
        ns.settle()
        assert ns.where() == ("Pending", "InvalidSpec")
        assert ns.status().message == (
            f"spec.aheadOfTime: AcceleratorClass {accelerator['class']} does not say how JAX "
            "compiles for it where it is not; remove aheadOfTime, so that it runs on the "
            "accelerator; only classes of TPUs can have spec.aheadOfTime"
        )
        assert ns.conditions() == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
        assert ns.jobs == {}


class TestWhatItProves:
    def test_all_found_again_and_none_loaded(self) -> None:
        ns = verifying()
        ns.succeeds("w-verify0", requests=3, hits=1, notLoadable=2)
        ns.look()
        assert ns.where() == ("Ready", "CompiledNotVerified")
        assert ns.status().message == (
            "2 programs are compiled for devices that were not there; verified: a second run found "
            "them under the same keys; not verified: that their runtime asks for these keys, "
            "loads the entries and runs them"
        )
        verification = ns.status().verification
        assert verification is not None
        assert (verification.summary, verification.hits, verification.not_loadable) == ("3/3", 1, 2)
        assert ns.conditions() == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}

    def test_found_by_the_fill_it_is_no_more_verified(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=3, hits=1, notLoadable=2)
        ns.look()
        assert ns.where() == ("Ready", "CompiledNotVerified")
        assert "found what another had compiled" in str(ns.status().message)

    def test_another_key_is_a_try_that_failed(self) -> None:
        ns = verifying()
        ns.succeeds("w-verify0", requests=3, hits=1, notLoadable=1)
        ns.pass_time(60)
        ns.look()
        assert ns.where() == ("Compiling", "Starting")
        assert "a second run found 2 of 3 programs" in str(ns.status().message)

    def test_read_errors_are_not_found(self) -> None:
        """An entry that is damaged is damaged here, too."""
        ns = verifying()
        ns.succeeds("w-verify0", requests=3, hits=1, notLoadable=1, readErrors=1)
        ns.pass_time(60)
        ns.look()
        assert ns.where() == ("Compiling", "Starting")

    def test_what_no_cache_keeps_is_not_missed(self) -> None:
        ns = verifying()
        ns.succeeds("w-verify0", requests=3, notLoadable=2, neverKept=1, neverKeptFunctions=["f"])
        ns.look()
        assert ns.where() == ("Ready", "CompiledNotVerified")
        assert str(ns.status().message).endswith("calls back into Python (f)")

    @pytest.mark.parametrize("run", ["w-fill0", "w-verify0"])
    def test_a_program_that_compiled_for_its_cpu_has_failed(self, run: str) -> None:
        ns = verifying() if run == "w-verify0" else compiling()
        ns.succeeds(run, requests=3, hits=3)
        ns.look()
        assert ns.where() == ("Failed", "NothingCompiled")
        assert ns.status().message == (
            "the program compiled for the cpu that it ran on, and nothing for tpu-v5e 4x4: with "
            "aheadOfTime its mesh has to be of jaxrun.devices()"
        )

    def test_a_program_that_cannot_run_so_says_it_itself(self) -> None:
        ns = compiling(maxRetries=0)
        ns.fails("w-fill0", message="process 0 raised ValueError: needs 16 devices")
        ns.look()
        assert ns.where() == ("Failed", "RunFailed")
        assert "needs 16 devices" in str(ns.status().message)

    def test_on_the_accelerator_itself_it_is_verified_as_ever(self) -> None:
        ns = a_namespace(accelerator=ON_TPU)
        ns.settle()
        ns.succeeds("w-fill0", requests=2, hits=2)
        ns.look()
        assert ns.where() == ("Ready", "FoundFilled")

    def test_what_could_not_be_loaded_is_never_called_verified(self) -> None:
        ns = a_namespace(accelerator=ON_TPU)
        ns.settle()
        ns.succeeds("w-fill0", requests=2, hits=1, notLoadable=1)
        ns.look()
        assert ns.where() == ("Ready", "CompiledNotVerified")


def test_it_shares_its_turn_with_warmups_on_the_accelerator() -> None:
    ns = compiling()
    ns.add("real", accelerator=ON_TPU)
    ns.settle("real")
    assert ns.where("real") == ("Waiting", "AnotherWarmupFills")
