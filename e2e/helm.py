"""The pinned helm, built on first use: `python -m e2e.helm lint --strict charts/*`.

Ends with helm's own exit code.
"""

import subprocess
import sys

from e2e.cluster import binaries
from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import Progress


def main() -> int:
    try:
        helm = binaries.ensure(["helm"], Progress())["helm"]
    except ClusterError as error:
        print(f"there is no helm: {error}", file=sys.stderr)
        return 1
    return subprocess.run([str(helm), *sys.argv[1:]]).returncode


if __name__ == "__main__":
    sys.exit(main())
