"""Which engine is chosen, with programs in PATH that answer as docker and podman would."""

import os
from pathlib import Path

import pytest

from e2e.cluster.progress import Progress
from e2e.images import engine, engines
from e2e.images.errors import ImageError


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(engines.CHOICE, raising=False)
    return tmp_path


def _program(directory: Path, name: str, *works: str) -> None:
    """A program whose subcommands `works` succeed and all others fail."""
    cases = "".join(f"{command}) exit 0;;\n" for command in works)
    path = directory / name
    path.write_text(f'#!/bin/sh\ncase "$1" in\n{cases}*) exit 1;;\nesac\n')
    path.chmod(0o755)


def _chosen() -> str:
    return engines.choose(Progress(quiet=True)).name


def test_a_running_docker_that_has_the_base(programs: Path) -> None:
    _program(programs, "docker", "info", "image")
    assert _chosen() == "docker"


def test_a_running_docker_that_can_pull_it(programs: Path) -> None:
    _program(programs, "docker", "info", "pull")
    assert _chosen() == "docker"


def test_podman_if_docker_has_no_engine(programs: Path) -> None:
    _program(programs, "docker", "image")
    _program(programs, "podman", "info", "image")
    assert _chosen() == "podman"


@pytest.mark.skipif(os.geteuid() != 0, reason="buildah needs root")
@pytest.mark.parametrize("works", [(), ("info",), ("image", "pull")])
def test_buildah_if_docker_cannot_help(programs: Path, works: tuple[str, ...]) -> None:
    _program(programs, "docker", *works)
    assert _chosen() == "buildah"


def test_who_asks_for_an_engine_gets_it(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(programs, "docker", "info", "image")
    monkeypatch.setenv(engines.CHOICE, "podman")
    assert _chosen() == "podman"


def test_a_wrong_choice_is_refused(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engines.CHOICE, "kaniko")
    with pytest.raises(ImageError, match="docker, podman and buildah"):
        _chosen()


def test_without_root_the_remedy_is_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ImageError, match="start docker, or run this as root"):
        _chosen()


def test_a_failed_command_shows_the_end_of_its_log(tmp_path: Path) -> None:
    script = "for i in 1 2 3; do echo line $i; done; exit 7"
    with pytest.raises(ImageError, match=r"(?s)building x failed with exit code 7.*line 3"):
        engine.run("building x", ["sh", "-c", script], tmp_path / "x.log")
