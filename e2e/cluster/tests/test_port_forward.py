"""A port is forwarded for as long as it is needed, and what kubectl says of a failure is told."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.port_forward import forwarded
from e2e.cluster.processes import DIES_WITH_US


@dataclass(frozen=True)
class Saying(Kubectl):
    """A kubectl that runs a line of shell, with its arguments."""

    script: str = ""

    def command(self, *args: str) -> list[str]:
        return [*DIES_WITH_US, "sh", "-c", self.script, "kubectl", *args]


def test_the_port_that_kubectl_chose_until_nobody_needs_it(tmp_path: Path) -> None:
    told, ended = tmp_path / "told", tmp_path / "ended"
    script = f"""
        trap 'touch {ended}; exit' TERM
        echo "$@" > {told}
        echo Forwarding from 127.0.0.1:4321 '->' 8000
        while :; do sleep 0.05; done
    """
    kubectl = Saying(tmp_path, script)
    with forwarded(kubectl, "demo", "service/minilm", 80) as port:
        assert port == 4321
        assert not ended.exists()
    assert ended.exists()
    assert told.read_text().split() == [
        *("port-forward", "--namespace=demo", "--address=127.0.0.1", "service/minilm", ":80")
    ]


def test_a_failure_with_what_kubectl_says(tmp_path: Path) -> None:
    kubectl = Saying(tmp_path, 'echo "error: no pods of minilm are running" >&2; exit 1')
    with (
        pytest.raises(ClusterError, match=r"service/minilm: error: no pods of minilm"),
        forwarded(kubectl, "demo", "service/minilm", 80),
    ):
        pass
