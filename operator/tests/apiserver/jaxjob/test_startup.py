"""An operator that cannot work says what to do, and ends with 1 (2 for its settings)."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from play import Play

from e2e.cluster.lite import lite_cluster


def run(*flags: str, **environment: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "jaxop.app", "--metrics-port=-1", "--health-port=-1", *flags],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ended.returncode, ended.stderr


def test_no_runtime_image() -> None:
    code, said = run()
    assert code == 2
    assert "set JAXOP_RUNTIME_IMAGE or --runtime-image" in said


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--workers=many", "--workers is 'many': use a number"),
        ("--log-format=xml", "--log-format is 'xml': use one of json, text"),
        ("--leader-election=perhaps", "--leader-election is 'perhaps': use true or false"),
    ],
)
def test_a_setting_that_is_wrong(flag: str, words: str) -> None:
    assert run("--runtime-image=i:1", flag) == (2, f"jax-operator: {words}\n")


def test_no_cluster() -> None:
    code, said = run(JAXOP_RUNTIME_IMAGE="i:1")
    assert code == 1
    assert "no cluster to talk to" in said
    assert "set KUBECONFIG" in said


def test_nobody_answers(tmp_path: Path, control_plane: Path) -> None:
    config = yaml.safe_load(control_plane.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    code, said = run("--runtime-image=i:1", f"--kubeconfig={path}")
    assert code == 1
    assert "no API server answers at https://127.0.0.1:1" in said


def test_no_crds() -> None:
    with lite_cluster() as cluster:
        code, said = run("--runtime-image=i:1", f"--kubeconfig={cluster.kubeconfig}")
    assert code == 1
    assert (
        "the cluster does not know jaxjobs.jaxop.dev; install the chart jax-operator-crds" in said
    )


def test_no_rights(tmp_path: Path, play: Play, control_plane: Path) -> None:
    """Given a service account that nobody has bound a role to."""
    account = play.create("serviceaccounts", {"metadata": {"name": "nobody"}})
    name = account["metadata"]["name"]
    asked = play.api.request("POST", play.path("serviceaccounts", name, "token"), {"spec": {}})
    assert asked.code == 201, asked.faults
    config = yaml.safe_load(control_plane.read_text())
    config["users"][0]["user"] = {"token": asked.body["status"]["token"]}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    code, said = run("--runtime-image=i:1", f"--kubeconfig={path}")
    assert code == 1
    assert "we may not list jaxjobs.jaxop.dev" in said
    assert "install the chart with rbac.create=true" in said
