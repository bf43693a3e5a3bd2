"""What was compiled, whether the start was warm, and what compiled again, as lines of text."""

from collections.abc import Iterator

import click

from jaxop.api.v1alpha1.jaxjob_status import Compilation, JaxJobStatus
from jaxop.cli.wording import plural, section, span, wrapped


def compilation(status: JaxJobStatus, width: int) -> Iterator[str]:
    known = status.compilation
    if known is None or known == Compilation():
        return
    hits = f": {known.summary} from the cache" if known.summary is not None else ""
    yield from section(f"Compilation{hits}")
    if known.first_step is not None:
        yield f"  first step  {known.first_step}"
    saved = f", {span(known.saved_seconds)} saved" if known.saved_seconds else ""
    yield f"  compiling   {span(known.seconds)}{saved}"
    if known.cache_namespace is not None:
        yield f"  cache       namespace {known.cache_namespace}"
    if known.read_errors:
        errors = plural(known.read_errors, "read error")
        yield f"  entries     {click.style(errors, fg='yellow')}"
    if known.problem is not None:
        yield from wrapped(known.problem, width, "  -> ")
    if known.recompilations:
        times = plural(known.recompilations, "compilation")
        told = f"{times} after the first step; the last: {known.last_recompilation}"
        for line in wrapped(told, width):
            yield click.style(line, fg="yellow")
        yield from wrapped(
            "Each waits for XLA: keep shapes equal, by padding or dropping the last batch, and "
            "make jitted functions once.",
            width,
            "  -> ",
        )
