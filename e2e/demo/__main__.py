"""Plays the demo; the exit code says whether all was as wanted."""

import sys

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import Progress
from e2e.demo import serving, training
from e2e.demo.stage import Stage
from e2e.deploy import deploy


def main() -> int:
    progress = Progress()
    try:
        deployment = deploy([training.NAME, serving.NAME], progress)
        stage = Stage(deployment)
        stage.set_up()
        as_wanted = []
        for part in (training, serving):
            as_wanted.append(part.play(stage))
            sys.stdout.flush()
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"This demo in all: {progress.elapsed_seconds:.1f} s")
    print(f"The cluster stays up: export KUBECONFIG={deployment.cluster.kubeconfig}")
    print("Stop it with: make cluster-down")
    return 0 if all(as_wanted) else 1


if __name__ == "__main__":
    raise SystemExit(main())
