"""Exit codes: 0 after SIGTERM or SIGINT, 1 when the operator cannot do its work, 2 for settings."""

import asyncio
import logging
import sys
from collections.abc import Sequence

from jaxop.app import logs
from jaxop.app.process import run
from jaxop.app.settings import SettingsError, read_settings
from jaxop.kube.errors import KubeError

log = logging.getLogger("jaxop")


def main(argv: Sequence[str] | None = None) -> int:
    try:
        settings = read_settings(sys.argv[1:] if argv is None else argv)
    except SettingsError as error:
        sys.stderr.write(f"jax-operator: {error}\n")
        return 2
    logs.configure(settings.log_format, settings.log_level)
    try:
        asyncio.run(run(settings))
    except KubeError as error:
        log.error("%s", error)
        return 1
    except KeyboardInterrupt:
        return 0
    except Exception:
        log.exception("the operator ends: this is a defect of it")
        return 1
    return 0
