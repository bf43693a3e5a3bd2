"""What the init container does: a self-contained tree that any image's Python can use."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gang import RealGang

from jaxrun.install import install


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jaxop"
    install(root)
    return root


def other_pythons() -> list[str]:
    """Every other Python >= 3.10 on this machine, bare: no venv, no packages."""
    found = []
    for minor in range(10, 16):
        for path in (f"/usr/bin/python3.{minor}", f"/usr/local/bin/python3.{minor}"):
            if Path(path).exists():
                found.append(path)
        for home in Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3"):
            found.append(str(home))
    return found or [sys.executable]


def test_the_command_line_installs_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "jaxrun", "install", str(tmp_path / "jaxop")],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "jaxop").iterdir()}
    assert names == {"jaxrun", "lib", "site", "serve-lib", ".trees"}
    assert len(list((tmp_path / "jaxop" / ".trees").iterdir())) == 1


def test_an_interrupted_install_leaves_nothing(root: Path) -> None:
    (root / ".trees" / "building-x").mkdir()
    (root / "lib").unlink()
    install(root)
    assert len(list((root / ".trees").iterdir())) == 1
    assert (root / "lib" / "jaxrun" / "launch.py").exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "jaxrun", "install", str(tmp_path / "file" / "x")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "cannot install into" in done.stderr


def test_what_the_program_sees_is_small_and_standard(root: Path) -> None:
    assert {p.name for p in (root / "site").iterdir() if p.name != "__pycache__"} == {
        "jaxrun",
        "sitecustomize.py",
    }
    assert not (root / "site" / "jaxrun" / "launch.py").exists()
    assert not (root / "site" / "prometheus_client").exists()


def test_only_a_server_finds_what_servers_need(root: Path) -> None:
    """And only when it is asked for: other programs import nothing more than before."""
    code = (
        "import sys, jaxrun; print([m for m in sys.modules if m.startswith('jaxrun.serve')]); "
        "import uvicorn"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(root / "site")},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[]\n"
    assert "No module named 'uvicorn'" in done.stderr


def test_what_servers_need_is_pure_python(root: Path) -> None:
    kinds = {path.suffix for path in (root / "serve-lib").rglob("*") if path.is_file()}
    assert kinds <= {".py", ".pyc", ".typed", ".pyi"}


@pytest.mark.parametrize("python", other_pythons())
def test_any_python_runs_it_with_nothing_installed(root: Path, tmp_path: Path, python: str) -> None:
    gang = RealGang(tmp_path, size=2, launcher_command=("sh", str(root / "jaxrun")))
    code = (
        "import jaxrun, os, time; jaxrun.report(step=4); print(jaxrun.__file__)\n"
        "while not os.path.exists('../enough'): time.sleep(0.02)"
    )
    try:
        gang.start([python, "-c", code], JAXRUN_PYTHON=python)
        gang.wait_for(lambda: "jaxrun_step 4.0" in scrape(gang))
        (tmp_path / "enough").touch()
        gang.wait()
        assert gang.exit_codes == [0, 0], gang.outputs()
        assert gang.launchers[0].termination["step"] == 4
        assert f"{root}" in gang.launchers[0].out
    finally:
        gang.close()


def scrape(gang: RealGang) -> str:
    try:
        return gang.launchers[0].page("metrics")
    except OSError:
        return ""


def test_jax_through_the_installed_tree(root: Path, tmp_path: Path) -> None:
    gang = RealGang(tmp_path, size=2, launcher_command=("sh", str(root / "jaxrun")))
    try:
        gang.start_program("exception", JAXRUN_PYTHON=sys.executable)
        gang.wait()
        assert gang.exit_codes == [1, 1], gang.outputs()
        assert gang.launchers[0].termination["exception"]["type"] == "ValueError"
    finally:
        gang.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_and_nothing_writable(root: Path, tmp_path: Path) -> None:
    """As uid 12345, with the tree read-only to it and a runtime directory of its own."""
    shared = tmp_path / "shm"
    shared.mkdir()
    shared.chmod(0o1777)
    log = shared / "termination"
    for path in [tmp_path, *tmp_path.parents][:-1]:
        if path.stat().st_uid == 0 and path.name.startswith("pytest"):
            path.chmod(0o755)
    tmp_path.chmod(0o755)
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no Python that another user could run")
    code = "import os, jaxrun; jaxrun.report(step=1); print('uid', os.getuid())"
    done = subprocess.run(
        [str(root / "jaxrun"), "launch", "--", python, "-c", code],
        env={
            "PATH": "/usr/bin:/bin",
            "JAXRUN_PYTHON": python,
            "JAXRUN_RUNTIME_DIR": str(shared),
            "JAXRUN_TERMINATION_LOG": str(log),
            "JAXRUN_HTTP_PORT": "0",
        },
        user=12345,
        group=12345,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "uid 12345" in done.stdout
    assert json.loads(log.read_text())["step"] == 1


def test_no_python_is_told(root: Path, tmp_path: Path) -> None:
    log = tmp_path / "termination"
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("dirname", "readlink", "date", "sh"):
        (tools / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    done = subprocess.run(
        [str(root / "jaxrun"), "launch", "--", "true"],
        env={
            "PATH": str(tools),
            "JAXRUN_PYTHON": "/no/python",
            "JAXRUN_TERMINATION_LOG": str(log),
        },
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 127
    assert "no Python >= 3.10 in this image" in done.stderr
    record = json.loads(log.read_text())
    assert record["exitCode"] == 127
    assert "JAXRUN_PYTHON" in record["message"]
