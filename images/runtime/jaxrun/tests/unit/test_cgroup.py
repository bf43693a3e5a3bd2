"""Memory cgroups of both versions, as they look on a node and inside a container."""

from pathlib import Path

from jaxrun.cgroup import own_memory_cgroup
from jaxrun.evidence import MemoryEvidence


def lay_out(root: Path, cgroup: str, mountinfo: str, files: dict[str, str]) -> Path:
    proc = root / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text(mountinfo)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return proc


def test_version_2_in_a_container(tmp_path: Path) -> None:
    mount = tmp_path / "sys"
    proc = lay_out(
        tmp_path,
        "0::/\n",
        f"30 25 0:26 / {mount} ro,nosuid - cgroup2 cgroup rw\n",
        {
            "sys/memory.events": "low 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 1\n",
            "sys/memory.max": "536870912\n",
            "sys/memory.peak": "536870912\n",
        },
    )
    found = own_memory_cgroup(proc)
    assert found is not None
    assert found.evidence_since(1) == MemoryEvidence(2, 512 << 20, 512 << 20)


def test_version_2_without_limit_or_peak(tmp_path: Path) -> None:
    proc = lay_out(
        tmp_path,
        "0::/kubepods/pod1\n",
        f"30 25 0:26 / {tmp_path / 'sys'} rw - cgroup2 cgroup rw\n",
        {
            "sys/kubepods/pod1/memory.events": "oom_kill 0\n",
            "sys/kubepods/pod1/memory.max": "max\n",
            "sys/kubepods/pod1/memory.current": "7\n",
        },
    )
    found = own_memory_cgroup(proc)
    assert found is not None
    assert found.evidence_since(0) == MemoryEvidence(0, None, 7)


def test_version_1_whose_path_is_not_mounted_here(tmp_path: Path) -> None:
    mount = tmp_path / "sys" / "memory"
    proc = lay_out(
        tmp_path,
        "5:cpu,cpuacct:/x\n4:memory:/kubepods/burstable/pod1/abc\n0::/\n",
        f"30 25 0:26 / {tmp_path / 'sys' / 'cpu'} ro - cgroup cgroup rw,cpu,cpuacct\n"
        f"31 25 0:27 /kubepods/burstable/pod1/abc {mount} ro - cgroup cgroup rw,memory\n",
        {
            "sys/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            "sys/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/memory/memory.max_usage_in_bytes": "12\n",
        },
    )
    found = own_memory_cgroup(proc)
    assert found is not None
    assert found.path == mount
    assert found.evidence_since(0) == MemoryEvidence(1, None, 12)


def test_none_mounted(tmp_path: Path) -> None:
    assert own_memory_cgroup(lay_out(tmp_path, "", "", {})) is None
    assert own_memory_cgroup(tmp_path / "nowhere") is None
