from pathlib import Path

import pytest

from e2e.cluster import cgroups


@pytest.mark.parametrize("quality", ["", "burstable/", "besteffort/"])
def test_a_pods_cpu_time_is_found_on_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quality: str
) -> None:
    below = f"jaxop-x/cpu/kubepods/{quality}podu1"
    for version, file, said in (
        ("v1", f"cpuacct/{below}/cpuacct.usage", "2500000000\n"),
        ("v2", f"{below}/cpu.stat", "usage_usec 2500000\nuser_usec 1\n"),
    ):
        path = tmp_path / version / file
        path.parent.mkdir(parents=True)
        path.write_text(said)
    (tmp_path / "v2" / "cgroup.controllers").touch()
    for version in ("v1", "v2"):
        monkeypatch.setattr(cgroups, "CGROUPS", tmp_path / version)
        assert cgroups.pod_cpu_seconds("jaxop-x", "u1") == 2.5
        assert cgroups.pod_cpu_seconds("jaxop-x", "u2") is None
        assert cgroups.pod_cpu_seconds("jaxop-y", "u1") is None
