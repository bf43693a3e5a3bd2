"""The launcher's own look at its host, with a made-up /dev and /sys and a made-up nvidia-smi."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from test_expectation import a_host

from jaxrun import preflight, probe
from jaxrun.contract import PreflightMode
from jaxrun.evidence import Death
from jaxrun.settings import Settings


class AHost:
    """A root directory with devices, and a PATH with programs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        self.environ = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(root),
            "JAXRUN_HOST_ROOT": str(root),
        }

    def with_node(self, *names: str) -> "AHost":
        for name in names:
            node = self.root / "dev" / name
            node.parent.mkdir(parents=True, exist_ok=True)
            node.touch()
        return self

    def with_program(self, name: str, text: str) -> "AHost":
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return self

    def with_memory(self, *free_mebibytes: int, total: int = 81920) -> "AHost":
        rows = "\n".join(f"{i}, {total}, {free}" for i, free in enumerate(free_mebibytes))
        return self.with_program("nvidia-smi", f"#!/bin/sh\necho '{rows}'\n")

    def with_jax(self, answer: str, seconds: float = 0) -> "AHost":
        """A Python whose JAX, and metadata, say this."""
        script = f"#!/bin/sh\nsleep {seconds}\necho 'a sitecustomize prints'\necho '{answer}'\n"
        return self.with_program("python3", script)

    def checked(
        self, settings: Settings, command: Sequence[str] = ("python3", "-m", "train"),
        hurry: bool = False,
    ) -> Death | None:  # fmt: skip
        async def check() -> Death | None:
            hurrying = asyncio.Event()
            if hurry:
                hurrying.set()
            return await preflight.preflight(settings, command, self.environ, hurrying)

        return asyncio.run(check())


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AHost:
    monkeypatch.setattr(preflight, "_MEMORY_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(preflight, "_MEMORY_INTERVAL_SECONDS", 0.01)
    return AHost(tmp_path)


EIGHT_GPUS = '{"platform": "gpu", "devices": 8}'


def test_on_the_cpu_without_versions_nothing_is_run(host: AHost) -> None:
    host.with_program("python3", "#!/bin/sh\ntouch $HOME/ran\n")
    assert host.checked(a_host("cpu", 0)) is None
    assert not (host.root / "ran").exists()


def test_off_looks_at_nothing(host: AHost) -> None:
    assert host.checked(a_host(mode=PreflightMode.OFF)) is None


@pytest.mark.parametrize(
    ("platform", "node", "looked_for"),
    [
        ("cuda", "nvidia0", "/dev/nvidia[0-9]* or /dev/dxg"),
        ("rocm", "kfd", "/dev/kfd"),
        ("tpu", "accel0", "/dev/accel* or /dev/vfio/[0-9]*"),
        ("tpu", "vfio/0", "/dev/accel* or /dev/vfio/[0-9]*"),
    ],
)
def test_a_container_without_devices(
    host: AHost, platform: str, node: str, looked_for: str
) -> None:
    host.with_node("nvidiactl", "vfio/vfio").with_jax("{}")
    death = host.checked(a_host(platform))
    assert death is not None
    assert death.detail == (
        f"has no device node {looked_for} in its container where 8 {platform} devices were "
        "expected: the node's device plugin or driver does not work; set spec.preflight.mode to "
        "Off if this is meant"
    )
    assert host.with_node(node).checked(a_host(platform)) is None


def test_jax_is_asked_while_others_are_missing(host: AHost) -> None:
    host.with_node("nvidia0").with_jax('{"platform": "cpu", "devices": 1, "chosen": ""}')
    death = host.checked(a_host())
    assert death is not None
    assert death.detail.startswith("found 1 cpu device where 8 cuda devices were expected")
    assert host.with_jax(EIGHT_GPUS).checked(a_host()) is None


def test_and_not_when_all_are_there(host: AHost) -> None:
    host.with_node("nvidia0").with_jax('{"platform": "cpu", "devices": 1, "chosen": ""}')
    assert host.checked(a_host(), hurry=True) is None


def test_asking_jax_is_given_up_when_the_last_one_joins(host: AHost) -> None:
    host.with_node("nvidia0").with_program(
        "python3", "#!/bin/sh\necho $$ > $HOME/pid\nexec sleep 100\n"
    )
    written = host.root / "pid"

    async def check() -> Death | None:
        hurry = asyncio.Event()
        command = ("python3", "-m", "train")
        checking = asyncio.create_task(preflight.preflight(a_host(), command, host.environ, hurry))
        deadline = time.monotonic() + 60
        while not (written.exists() and written.read_text()):
            assert time.monotonic() < deadline, "JAX was never asked"
            await asyncio.sleep(0.01)
        hurry.set()
        done, _ = await asyncio.wait({checking}, timeout=60)
        assert done, "it goes on asking JAX although all have joined"
        return checking.result()

    assert asyncio.run(check()) is None
    with pytest.raises(ProcessLookupError):
        os.kill(int(written.read_text()), 0)


def test_on_tpu_jax_is_not_asked(host: AHost) -> None:
    host.with_node("vfio/0").with_program("python3", "#!/bin/sh\ntouch $HOME/ran\n")
    assert host.checked(a_host("tpu")) is None
    assert not (host.root / "ran").exists()


def test_versions(host: AHost) -> None:
    host.with_jax('{"jax": "0.11.2", "jaxlib": "0.12.0"}')
    death = host.checked(a_host("cpu", 0, jax="0.12", jaxlib="0.12"), hurry=True)
    assert death is not None
    assert death.detail.startswith("has jax 0.11.2 where 0.12 was expected")
    assert host.checked(a_host("cpu", 0, jax="0.11", jaxlib="0.12")) is None


def test_a_python_without_jax(host: AHost) -> None:
    """This test's own PATH has no say: the real Python, isolated from its packages."""
    host.with_program("python3", f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    death = host.checked(a_host("cpu", 0, jax="0.12"))
    assert death is not None
    assert death.detail.startswith("has no jax where 0.12 was expected")


def test_a_real_python_with_jax(host: AHost) -> None:
    import jax

    death = host.checked(a_host("cpu", 0, jax="99"), [sys.executable, "-m", "train"])
    assert death is not None
    assert death.detail.startswith(f"has jax {jax.__version__} where 99 was expected")


def test_what_cannot_be_found_out_is_no_mismatch(host: AHost) -> None:
    host.with_node("nvidia0").with_program("nvidia-smi", "#!/bin/sh\necho no; exit 9\n")
    for broken in ("#!/bin/sh\nexit 1\n", "#!/bin/sh\necho '[1, 2]'\n", "#!/bin/sh\necho x\n"):
        host.with_program("python3", broken)
        assert host.checked(a_host(jax="1", free_memory_percent=75)) is None
    host.with_program("python3", "#!/nowhere/python\n")
    assert host.checked(a_host(jax="1", free_memory_percent=75)) is None


def test_memory(host: AHost) -> None:
    host.with_node("nvidia0").with_jax(EIGHT_GPUS).with_memory(80000, 20000)
    death = host.checked(a_host(free_memory_percent=75), hurry=True)
    assert death is not None
    assert death.detail.startswith("found 24 % of the memory of device 1 free (19.5 of 80.0 GiB)")
    assert host.with_memory(80000, 70000).checked(a_host(free_memory_percent=75)) is None
    assert host.with_memory(0).checked(a_host(free_memory_percent=0)) is None


def test_a_mig_device_tells_no_memory(host: AHost) -> None:
    host.with_node("nvidia0").with_jax(EIGHT_GPUS)
    host.with_program("nvidia-smi", "#!/bin/sh\necho '0, [N/A], [N/A]'\n")
    assert host.checked(a_host(free_memory_percent=75)) is None


def test_memory_that_a_predecessor_gives_back(host: AHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_MEMORY_PATIENCE_SECONDS", 20.0)
    host.with_node("nvidia0").with_jax(EIGHT_GPUS).with_program(
        "nvidia-smi",
        "#!/bin/sh\nif [ -e $HOME/asked ]; then echo '0, 81920, 81000'; "
        "else touch $HOME/asked; echo '0, 81920, 100'; fi\n",
    )
    assert host.checked(a_host(free_memory_percent=75)) is None


def test_memory_of_amd_is_that_of_the_containers_own_cards(host: AHost) -> None:
    host.with_node("kfd", "dri/renderD129").with_jax(EIGHT_GPUS)
    for name, used in (("renderD128", 190), ("renderD129", 10)):
        card = host.root / "sys/class/drm" / name / "device"
        card.mkdir(parents=True)
        (card / "mem_info_vram_total").write_text(f"{192 * 2**30}\n")
        (card / "mem_info_vram_used").write_text(f"{used * 2**30}\n")
    assert host.checked(a_host("rocm", free_memory_percent=75)) is None
    death = host.with_node("dri/renderD128").checked(a_host("rocm", free_memory_percent=75))
    assert death is not None
    assert "device renderD128 free (2.0 of 192.0 GiB)" in death.detail


def test_report_ends_nothing(host: AHost) -> None:
    assert host.checked(a_host(mode=PreflightMode.REPORT)) is None


@pytest.mark.parametrize(
    ("command", "python"),
    [
        (["python3", "-m", "train"], "python3"),
        (["python3.12", "train.py"], "python3.12"),
        (["train"], "python3"),
        (["by-path"], "python3.12"),
        (["shell"], None),
        (["sh", "-c", "python3 train.py"], None),
        (["missing"], None),
        ([], None),
    ],
)
def test_which_python_a_command_is(host: AHost, command: list[str], python: str | None) -> None:
    host.with_jax("{}").with_program("python3.12", "").with_program("shell", "#!/bin/sh\n")
    host.with_program("train", "#!/usr/bin/env python3\nimport train\n")
    host.with_program("by-path", f"#!{host.bin}/python3.12 -u\nimport train\n")
    found = probe.python_of(command, host.environ)
    assert found == (str(host.bin / python) if python is not None else None)


def test_the_token_is_not_shown_to_probes(host: AHost) -> None:
    host.environ |= {"JAXRUN_TOKEN": "secret", "JAXRUN_CHANNEL": "/x", "OTHER": "seen"}

    async def look() -> Any:
        return await probe.output_of(["env"], host.environ, 20)

    out = asyncio.run(look())
    assert "OTHER=seen" in out
    assert "secret" not in out
    assert "JAXRUN_CHANNEL" not in out
