"""What a Dockerfile copies from its context: as much of the syntax as that question needs."""

import re

from e2e.images.errors import ImageError

_COPIES = re.compile(r"^(?:COPY|ADD)\s+(.*)$", re.IGNORECASE)


def copied(text: str) -> list[str]:
    """The sources of COPY and ADD, as glob patterns below the context, in order.

    Copies from other build stages are no part of it. Raises ImageError for the JSON form.
    """
    sources: list[str] = []
    for instruction in _instructions(text):
        match = _COPIES.match(instruction)
        if match is None:
            continue
        words = match.group(1).split()
        flags = [word for word in words if word.startswith("--")]
        if any(flag.startswith("--from=") for flag in flags):
            continue
        paths = words[len(flags) :]
        if paths[0].startswith("["):
            raise ImageError(f"write `{instruction}` without brackets: only that form is read here")
        sources += [path.strip("/") for path in paths[:-1]]
    return sources


def _instructions(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\s*\n", " ", "\n".join(lines))
    return [line.strip() for line in joined.splitlines() if line.strip()]
