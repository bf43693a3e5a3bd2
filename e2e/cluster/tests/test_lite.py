"""The lite cluster: stops and starts as told, forgets as told, and never outlives its test."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from e2e.cluster.kubectl import Kubectl
from e2e.cluster.lite import LiteCluster, lite_cluster

HOLD = """
import time
from e2e.cluster.lite import lite_cluster
with lite_cluster() as cluster:
    print(cluster.etcd.process.pid, cluster.apiserver.process.pid, cluster.directory, flush=True)
    time.sleep(600)
"""


def test_what_was_written_survives_a_restart_of_the_api_server(apiserver: LiteCluster) -> None:
    kubectl = Kubectl(apiserver.kubeconfig)
    kubectl.run("create", "namespace", "kept")
    apiserver.kill_apiserver()
    apiserver.start_apiserver()
    assert kubectl.get("namespace", "kept")["metadata"]["name"] == "kept"


def test_after_compaction_and_restart_an_old_watch_is_gone(apiserver: LiteCluster) -> None:
    kubectl = Kubectl(apiserver.kubeconfig)
    listed = json.loads(kubectl.run("get", "--raw=/api/v1/namespaces"))
    old = listed["metadata"]["resourceVersion"]
    kubectl.run("create", "namespace", "newer")
    apiserver.stop_apiserver()
    apiserver.compact()
    apiserver.start_apiserver()
    path = f"/api/v1/namespaces?watch=1&timeoutSeconds=1&resourceVersion={old}"
    said = kubectl.attempt("get", f"--raw={path}")
    assert "too old resource version" in said.stdout + said.stderr


def test_two_at_once_do_not_meet() -> None:
    with lite_cluster() as one, lite_cluster() as other:
        Kubectl(one.kubeconfig).run("create", "namespace", "only-in-one")
        assert Kubectl(other.kubeconfig).attempt("get", "namespace", "only-in-one").returncode == 1


def test_nothing_survives_a_test_that_is_killed() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    *pids, directory = holder.stdout.readline().split()
    try:
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        deadline = time.monotonic() + 10
        while alive := [pid for pid in pids if _runs(pid)]:
            assert time.monotonic() < deadline, f"still running: {alive}"
            time.sleep(0.05)
    finally:
        subprocess.run(["rm", "-rf", directory], check=True)


def _runs(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
