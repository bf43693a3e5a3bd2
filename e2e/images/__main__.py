"""python -m e2e.images build [NAME...] | archive NAME"""

import argparse
import sys

from e2e.cluster.errors import ClusterError
from e2e.images.build import archive_path, build
from e2e.images.catalogue import CATALOGUE


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build those whose inputs changed")
    building.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CATALOGUE)}")
    archive = commands.add_parser("archive", help="print where an image's archive is")
    archive.add_argument("name", metavar="NAME")
    asked = parser.parse_args()
    try:
        if asked.command == "archive":
            print(archive_path(asked.name))
        else:
            for image in build(asked.names).values():
                state = "built" if image.changed else "unchanged"
                megabytes = f"{image.size_bytes / 1e6:.0f} MB"
                print(f"{image.reference:24} {state:9} {megabytes:>8}  {image.archive}")
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
