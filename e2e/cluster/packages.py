"""What comes from the distribution: installed with apt-get when it is missing."""

import os
import shutil
import subprocess

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import Progress

PROVIDED_BY = {
    "containerd": "containerd",
    "runc": "runc",
    "ctr": "containerd",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
"""The program, or the path of one, and the Debian package that has it."""


def require(programs: dict[str, str], progress: Progress) -> None:
    """Installs the packages of those `programs` that are not there.

    Raises ClusterError if they cannot be installed, with the command to run by hand.
    """
    packages = sorted({package for program, package in programs.items() if not _found(program)})
    if not packages:
        return
    by_hand = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise ClusterError(f"missing: {', '.join(packages)}. Install them first: {by_hand}")
    with progress.step(f"installing {', '.join(packages)}"):
        _apt_get("update")
        _apt_get("install", "-y", "--no-install-recommends", *packages)
    still = sorted(program for program in programs if not _found(program))
    if still:
        raise ClusterError(f"installed {', '.join(packages)}, but {', '.join(still)} is not there")


def _found(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None


def _apt_get(*args: str) -> None:
    done = subprocess.run(
        ["apt-get", "-q", *args],
        capture_output=True,
        text=True,
        # Daemons of these packages must not start: each cluster runs its own.
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"},
    )
    if done.returncode != 0:
        raise ClusterError(f"apt-get {' '.join(args)} failed:\n{done.stderr.strip()[-2000:]}")
