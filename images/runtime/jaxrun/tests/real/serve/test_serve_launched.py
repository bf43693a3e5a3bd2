"""The server as pods have it: through the real launcher, from an installed tree alone."""

import json
import shutil
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import jax
import pytest
from gang import RealGang
from ports import free_ports

from jaxrun.install import install

MODELS = Path(__file__).with_name("serve_models.py")


_BROUGHT = ("click", "h11", "prometheus_client", "typing_extensions.py", "uvicorn")
_FASTER = ("httptools", "orjson", "starlette", "uvloop")


def an_image(directory: Path) -> Path:
    """Packages of a user with JAX, who has nothing of what servers need."""
    packages = directory / "image"
    packages.mkdir()
    here = Path(jax.__file__).parents[1]
    for path in here.iterdir():
        if path.name not in (*_BROUGHT, *_FASTER, "__pycache__", "jaxrun"):
            (packages / path.name).symlink_to(path)
    return packages


class Pod(RealGang):
    """One launcher of `jaxrun serve`, with nothing of ours but what `jaxrun install` has left."""

    def __init__(self, directory: Path) -> None:
        root = directory / "jaxop"
        install(root)
        super().__init__(directory, 1, launcher_command=("sh", str(root / "jaxrun")))
        (self.port,) = free_ports(1)
        self.root = root
        self.image = an_image(directory)
        (directory / "cache").mkdir()

    def serve(self, factory: str, **environment: str) -> None:
        home = self.directory / "pod-0"
        home.mkdir()
        shutil.copy(MODELS, home / "user_model.py")
        self.start(
            [str(self.root / "jaxrun"), "serve", f"user_model:{factory}"],
            **{
                "JAXRUN_PYTHON": getattr(sys, "_base_executable", sys.executable),
                "PYTHONPATH": str(self.image),
                "JAXRUN_SERVING_PORT": str(self.port),
                "JAXRUN_SERVE": '{"drainSeconds": 4}',
                "JAXRUN_CACHE_LOCAL": str(self.directory / "cache"),
                **environment,
            },
        )

    def wait_until(self, serving: str, *states: str) -> dict[str, Any]:
        """Until the server is in this state and the gang in one of those; what is then said."""
        seen: dict[str, Any] = {}

        def is_so() -> bool:
            seen.clear()
            seen.update(self.launchers[0].status())
            told = seen.get("serving") or {}
            return told.get("state") == serving and seen["state"] in states

        self.wait_for(is_so)
        return seen

    def wait_until_ready(self) -> dict[str, Any]:
        """Returns what the launcher then says."""
        return self.wait_until("Ready", "Running")

    def infer(self) -> Any:
        said = json.dumps({"values": [1, 2]}).encode()
        url = f"http://127.0.0.1:{self.port}/double"
        with urllib.request.urlopen(url, said, timeout=60) as answer:
            return json.load(answer)

    @property
    def termination(self) -> dict[str, Any]:
        return self.launchers[0].termination


@pytest.fixture
def pod(tmp_path: Path) -> Any:
    pod = Pod(tmp_path)
    yield pod
    pod.close()


def test_a_server_is_running_when_it_is_ready_and_ends_well(pod: Pod) -> None:
    go = pod.directory / "go"
    pod.serve("patient", GO=str(go))
    pod.wait_until("Loading", "Starting", "Compiling")
    go.touch()
    status = pod.wait_until_ready()
    assert pod.infer() == {"doubled": [2.0, 4.0]}
    assert (status["state"], status["step"]) == ("Running", 0)
    assert status["serving"]["model"] == "double"
    assert status["serving"]["bucketsReady"] == status["serving"]["bucketsTotal"] == 4
    assert status["firstStepSeconds"] > 0
    assert status["cache"]["firstStepRequests"] >= 4
    pod.wait_for(lambda: (pod.launchers[0].status().get("serving") or {}).get("requests", 0) >= 1)
    pod.signal(0, signal.SIGTERM)
    pod.wait()
    assert pod.exit_codes == [0], pod.outputs()
    assert pod.termination["cause"] is None
    assert pod.termination["message"] == "the server was asked to stop (SIGTERM), and has drained"
    assert "Traceback" not in pod.outputs()


def test_a_second_start_finds_all_in_the_cache(pod: Pod) -> None:
    pod.serve("double")
    first = pod.wait_until_ready()["cache"]
    assert first["firstStepHits"] == 0
    pod.signal(0, signal.SIGTERM)
    pod.wait()
    shutil.rmtree(pod.directory / "pod-0")
    pod.serve("double")
    second = pod.wait_until_ready()["cache"]
    assert second["firstStepHits"] == second["firstStepRequests"] == first["firstStepRequests"]


def test_a_failed_load_is_told_as_the_cause(pod: Pod) -> None:
    pod.serve("failing")
    pod.wait()
    assert pod.exit_codes == [1]
    assert pod.termination["cause"] == "ProgramError"
    assert pod.termination["exception"]["type"] == "KeyError"
    assert "weights" in pod.termination["message"]


def test_a_warmup_loads_and_is_done(pod: Pod) -> None:
    pod.serve("double", JAXRUN_WARMUP="Fill")
    pod.wait()
    assert pod.exit_codes == [0], pod.outputs()
    cache = pod.termination["cache"]
    assert cache["written"] >= 4
    with pytest.raises(urllib.error.URLError):
        pod.infer()
    assert any((pod.directory / "cache").iterdir())
