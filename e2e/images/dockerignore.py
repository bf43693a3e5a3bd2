"""Which files of a context .dockerignore leaves out: the last pattern that matches decides.

A pattern that matches a directory stands for all in it; `!` takes files back in.
"""

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath


def ignored(context: Path) -> Callable[[PurePosixPath], bool]:
    """A predicate on paths relative to `context`."""
    file = context / ".dockerignore"
    rules = _rules(file.read_text()) if file.exists() else []

    def is_ignored(path: PurePosixPath) -> bool:
        verdict = False
        for pattern, leaves_out in rules:
            if any(pattern.fullmatch(str(part)) for part in (path, *path.parents)):
                verdict = leaves_out
        return verdict

    return is_ignored


def _rules(text: str) -> list[tuple[re.Pattern[str], bool]]:
    rules = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        leaves_out = not line.startswith("!")
        rules.append((_pattern(line.removeprefix("!").strip("/ ")), leaves_out))
    return rules


def _pattern(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meanings.get(part, re.escape(part)) for part in parts))
