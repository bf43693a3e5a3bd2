"""`python -m jaxrun.serve MODULE:FACTORY`: serve the model that the factory makes."""

import os
import sys
from pathlib import Path

_USAGE = """usage: jaxrun serve MODULE:FACTORY   serve the model that the factory returns

FACTORY takes nothing and returns a jaxrun.serve.Model. JAXRUN_SERVE, JSON, sets buckets, batching
and the seconds to drain; JAXRUN_MODEL_DIR is where the factory may find its weights.
"""
_DEPENDENCIES = "serve-lib"


def main(arguments: "list[str] | None" = None) -> None:
    """Entry point; exits 2 on wrong usage."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1 or words[0].startswith("-"):
        sys.stderr.write(_USAGE)
        sys.exit(2)
    _find_dependencies()
    from jaxrun.serve.entry import BadEntryError, read_entry
    from jaxrun.serve.settings import BadSettingError, read_settings

    try:
        read_entry(words[0])
        settings = read_settings(os.environ)
    except (BadEntryError, BadSettingError) as error:
        sys.stderr.write(f"jaxrun serve: {error}\n")
        sys.exit(2)
    from jaxrun.serve.process import run

    run(words[0], settings, os.environ)


def _find_dependencies() -> None:
    """Last on the path: what the user's image has comes first."""
    beside = Path(__file__).resolve().parents[3] / _DEPENDENCIES
    if beside.is_dir():
        sys.path.append(str(beside))


if __name__ == "__main__":
    main()
