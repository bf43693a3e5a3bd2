"""Run by every Python that starts below the launcher; must be harmless in all of them.

Installs jaxrun's hooks, then runs the sitecustomize that would have been found without this one.
Syntax that any Python 3 understands.
"""

import os
import sys


def _chain():
    # type: () -> None
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.realpath(os.path.dirname(__file__))
    rest = [entry for entry in sys.path if os.path.realpath(entry or ".") != here]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


if os.environ.get("JAXRUN_CHANNEL") and sys.version_info >= (3, 10):
    try:
        from jaxrun.program.hooks import install

        install()
    except Exception:
        pass
_chain()
