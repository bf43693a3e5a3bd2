"""Run by every Python that starts below the launcher; must be harmless in all of them.

Installs jaxrun's hooks, then runs the sitecustomize that would have been found without this one.
Syntax that any Python 3 understands, and as few imports as can be.
"""

import os
import sys


def _chain():  # type: () -> None
    here = os.path.realpath(os.path.dirname(__file__))
    ours = [entry for entry in sys.path if os.path.realpath(entry or ".") == here]
    for entry in ours:
        sys.path.remove(entry)
    this = sys.modules.pop("sitecustomize")
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if getattr(error, "name", None) != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", this)
        sys.path[:0] = ours


if os.environ.get("JAXRUN_CHANNEL") and sys.version_info >= (3, 10):
    try:
        from jaxrun.program.hooks import install

        install()
    except Exception as error:
        sys.stderr.write("jaxrun: not observing this Python: %r\n" % (error,))
_chain()
