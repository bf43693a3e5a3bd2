"""A cluster with a controller-manager and a scheduler, but no kubelet: the tests play it."""

import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from operator_process import OperatorProcess
from plain_api import Api
from play import FakeLauncher, Play
from played_keeper import FakeKeeper


@pytest.fixture
def play(api: Api) -> Iterator[Play]:
    """A namespace of the test's own."""
    name = f"test-{secrets.token_hex(4)}"
    answer = api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert answer.code == 201, answer.faults
    yield Play(api, name)
    api.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def start_operator(
    control_plane: Path, play: Play, tmp_path: Path
) -> Iterator[Callable[[str], OperatorProcess]]:
    """Starts a replica of a name; all are gone when the test ends."""
    with ExitStack() as stack:

        def start(name: str = "a") -> OperatorProcess:
            process = OperatorProcess(control_plane, play.namespace, tmp_path, name)
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture
def operator(start_operator: Callable[[str], OperatorProcess]) -> OperatorProcess:
    """One that leads."""
    process = start_operator("a")
    process.wait_leading()
    return process


_addresses = itertools.count(2)


def _address() -> str:
    """On the loopback, of one test only."""
    return f"127.{os.getpid() % 200 + 1}.0.{next(_addresses)}"


@pytest.fixture
def launcher(play: Play) -> Iterator[FakeLauncher]:
    """Of a gang of two; `launcher.address` is its pod's."""
    fake = FakeLauncher(_address(), play.namespace, 2)
    yield fake
    fake.close()


@pytest.fixture
def keeper() -> Iterator[FakeKeeper]:
    """Of a CompileCache; `keeper.address` is its pod's."""
    fake = FakeKeeper(_address())
    yield fake
    fake.close()
