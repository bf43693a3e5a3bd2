"""The environment of a launcher and of its program."""

import dataclasses
from pathlib import Path

import pytest

from jaxrun.contract import WarmupMode
from jaxrun.program_env import Place, program_environment
from jaxrun.settings import BadSettingError, read_settings

POD = {
    "JAXRUN_JOB": "ml/digits",
    "JAXRUN_ATTEMPT": "2",
    "JAXRUN_NUM_PROCESSES": "4",
    "JAXRUN_PROCESS_BASE": "2",
    "JOB_COMPLETION_INDEX": "1",
    "JAXRUN_GANG_ADDRESS": "digits-a2-s0-0.digits-gang.ml.svc",
    "JAXRUN_TOKEN": "secret",
    "JAXRUN_GRACE_SECONDS": "60",
    "PATH": "/bin",
}


def test_a_pod() -> None:
    settings = read_settings(POD)
    assert (settings.process_id, settings.num_processes, settings.attempt) == (3, 4, 2)
    assert settings.timing.grace == 60
    assert not settings.leads


def test_nothing_set_is_a_gang_of_one() -> None:
    settings = read_settings({})
    assert (settings.process_id, settings.num_processes) == (0, 1)
    assert settings.leads


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"JAXRUN_NUM_PROCESSES": "two"}, "JAXRUN_NUM_PROCESSES is 'two'"),
        ({"JAXRUN_NUM_PROCESSES": "0"}, "at least 1"),
        ({"JOB_COMPLETION_INDEX": "2"}, "is 4, but process ids end at"),
        ({"JAXRUN_GANG_ADDRESS": ""}, "JAXRUN_GANG_ADDRESS is not set"),
        ({"JAXRUN_TOKEN": ""}, "JAXRUN_TOKEN is not set"),
        ({"JAXRUN_GRACE_SECONDS": "-1"}, "JAXRUN_GRACE_SECONDS is '-1'"),
        ({"JAXRUN_GRACE_SECONDS": "nan"}, "not a number of seconds"),
        ({"JAXRUN_HEARTBEAT_TIMEOUT_SECONDS": "3"}, "less than two intervals"),
        ({"JAXRUN_RESTART_POLICY": "{"}, "JAXRUN_RESTART_POLICY is '{', not what the operator"),
        ({"JAXRUN_RESTART_POLICY": "{}"}, "JAXRUN_RESTART_POLICY is .*'backoff' is missing"),
        ({"JAXRUN_RESTART_POLICY": "[]"}, "JAXRUN_RESTART_POLICY is"),
        ({"JAXRUN_LEDGER": '{"restarts": "x", "charges": []}'}, "JAXRUN_LEDGER is"),
        ({"JAXRUN_SUCCESS_POLICY": "Some"}, "not AllProcesses or ProcessZero"),
        ({"JAXRUN_PREFLIGHT": '{"mode": "Maybe"}'}, "JAXRUN_PREFLIGHT is"),
        ({"JAXRUN_WARMUP": "Maybe"}, "JAXRUN_WARMUP is 'Maybe', not Fill or Verify"),
        ({"JAXRUN_CACHE_NAMESPACE": "../0123456789abc"}, "not 16 hexadecimal digits"),
        ({"JAXRUN_REJOIN_SECONDS": "soon"}, "JAXRUN_REJOIN_SECONDS is 'soon'"),
    ],
)
def test_nonsense_is_refused_by_name(changes: dict[str, str], says: str) -> None:
    with pytest.raises(BadSettingError, match=says):
        read_settings({**POD, **changes})


def test_a_pod_without_a_compile_cache_still_has_its_own_directory() -> None:
    cache = read_settings(POD).cache
    assert cache is not None
    assert (cache.namespace, cache.staging) == (None, None)
    assert cache.local == Path("/jaxop-cache/local")
    assert read_settings(POD).warmup is None


def test_a_pod_with_a_compile_cache_offers_only_where_it_may() -> None:
    reads = {**POD, "JAXRUN_CACHE_NAMESPACE": "0123456789abcdef", "JAXRUN_HOST": "digits-0"}
    cache = read_settings(reads).cache
    assert cache is not None
    assert (cache.namespace, cache.host) == ("0123456789abcdef", "digits-0")
    assert (cache.published, cache.staging) == (Path("/jaxop-cache/published"), None)
    fills = {**reads, "JAXRUN_CACHE_OFFERS": "true", "JAXRUN_WARMUP": "Fill"}
    cache = read_settings(fills).cache
    assert cache is not None
    assert cache.staging == Path("/jaxop-cache/staging")
    assert read_settings(fills).warmup is WarmupMode.FILL
    without = read_settings({**POD, "JAXRUN_CACHE_OFFERS": "true"}).cache
    assert without is not None
    assert without.staging is None


PLACE = Place(epoch=7, restarts=9, coordinator="10.1.2.3", coordinator_port=9446)


def program(**changes: str) -> dict[str, str]:
    environ = {**POD, **changes}
    return program_environment(read_settings(environ), PLACE, environ, "/run/c", "/jaxop/site")


def test_the_token_is_hidden_from_the_program() -> None:
    assert "secret" not in program().values()


def test_the_coordinator_is_by_epoch() -> None:
    env = program()
    assert env["JAX_COORDINATOR_ADDRESS"] == "10.1.2.3:9446"
    assert (env["OMPI_COMM_WORLD_SIZE"], env["OMPI_COMM_WORLD_RANK"]) == ("4", "3")
    assert (env["JAXRUN_EPOCH"], env["JAXRUN_ATTEMPT"], env["JAXRUN_RESTARTS"]) == ("7", "2", "9")


def test_an_ipv6_coordinator_is_in_brackets() -> None:
    place = dataclasses.replace(PLACE, coordinator="fd00::7")
    env = program_environment(read_settings(POD), place, POD, None, None)
    assert env["JAX_COORDINATOR_ADDRESS"] == "[fd00::7]:9446"
    assert env["OMPI_MCA_orte_hnp_uri"] == "0.0;tcp6://[fd00::7]:9446"


def test_without_a_channel_the_path_stays() -> None:
    assert "PYTHONPATH" not in program_environment(read_settings({}), PLACE, {}, None, None)


def test_without_the_devices_that_it_compiles_for_jax_runs_on_cpu() -> None:
    asked = {"JAX_PLATFORMS": "tpu", "TPU_WORKER_HOSTNAMES": "here"}
    assert program(**asked)["JAX_PLATFORMS"] == "tpu"
    env = program(**asked, JAXRUN_AHEAD_OF_TIME="{}")
    assert env["JAX_PLATFORMS"] == "cpu"
    assert env["TPU_SKIP_MDS_QUERY"] == "1"
    assert env["TPU_WORKER_HOSTNAMES"] == "here", "what the template says stays"
    assert env["JAXRUN_AHEAD_OF_TIME"] == "{}"


def test_all_chips_on_gpu_and_nothing_said_elsewhere() -> None:
    gpu = program(JAXRUN_PLATFORM="cuda", JAXRUN_LOCAL_DEVICES="4")
    assert gpu["JAX_LOCAL_DEVICE_IDS"] == "0,1,2,3"
    assert "JAX_LOCAL_DEVICE_IDS" not in program(JAXRUN_PLATFORM="tpu", JAXRUN_LOCAL_DEVICES="4")
    own = program(JAXRUN_PLATFORM="cuda", JAXRUN_LOCAL_DEVICES="4", JAX_LOCAL_DEVICE_IDS="0")
    assert own["JAX_LOCAL_DEVICE_IDS"] == "0"


def test_libtpus_variables_are_left_alone() -> None:
    tpu = {"TPU_WORKER_ID": "1", "TPU_WORKER_HOSTNAMES": "a,b", "MEGASCALE_SLICE_ID": "1"}
    env = program(JAXRUN_PLATFORM="tpu", **tpu)
    assert tpu.items() <= env.items()


def test_the_users_own_path_comes_after_ours() -> None:
    assert program(PYTHONPATH="/app")["PYTHONPATH"] == "/jaxop/site:/app"
    assert program()["PYTHONPATH"] == "/jaxop/site"
