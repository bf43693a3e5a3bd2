"""Reads faulthandler's output: where a program is, in a few words."""

import re

_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<name>.+)$')
_LIBRARY = ("site-packages", "dist-packages", "/lib/python", "<frozen")


def innermost(text: str) -> str:
    """`file:line in function` of the user's own innermost frame in the current thread.

    Falls back on the innermost frame of any kind; empty if there is none.
    """
    blocks = re.split(r"^(?=(?:Current thread|Thread) 0x)", text, flags=re.MULTILINE)
    current = [block for block in blocks if block.startswith("Current thread")]
    frames = [m for line in (current or blocks)[-1].splitlines() if (m := _FRAME.match(line))]
    own = [m for m in frames if not any(part in m["file"] for part in _LIBRARY)]
    for frame in [*own, *frames][:1]:
        return f"{frame['file'].rpartition('/')[2]}:{frame['line']} in {frame['name']}"
    return ""
