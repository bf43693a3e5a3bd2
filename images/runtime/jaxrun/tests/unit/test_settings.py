"""The environment of a launcher and of its program."""

import pytest

from jaxrun.program_env import program_environment
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
    ],
)
def test_nonsense_is_refused_by_name(changes: dict[str, str], says: str) -> None:
    with pytest.raises(BadSettingError, match=says):
        read_settings({**POD, **changes})


def program(**changes: str) -> dict[str, str]:
    environ = {**POD, **changes}
    return program_environment(read_settings(environ), 7, 9446, environ, "/run/c", "/jaxop/site")


def test_the_token_is_hidden_from_the_program() -> None:
    assert "secret" not in program().values()


def test_the_coordinator_is_by_epoch() -> None:
    env = program()
    assert env["JAX_COORDINATOR_ADDRESS"] == "digits-a2-s0-0.digits-gang.ml.svc:9446"
    assert (env["OMPI_COMM_WORLD_SIZE"], env["OMPI_COMM_WORLD_RANK"]) == ("4", "3")
    assert env["JAXRUN_EPOCH"] == "7"


def test_alone_no_name_has_to_resolve() -> None:
    env = program_environment(read_settings({}), 1, 9440, {}, None, None)
    assert env["JAX_COORDINATOR_ADDRESS"] == "127.0.0.1:9440"
    assert "PYTHONPATH" not in env


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
