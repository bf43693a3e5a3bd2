"""Which images there are."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from e2e.images.errors import ImageError

ROOT = Path(__file__).parents[2]
BASE = "python:3.13-slim"


@dataclass(frozen=True)
class Image:
    name: str
    context: Path
    dockerfile: Path

    @property
    def reference(self) -> str:
        """What a pod's manifest says."""
        return f"jaxop/{self.name}:dev"


CATALOGUE = {
    image.name: image
    for image in (
        Image("operator", ROOT, ROOT / "images/operator/Dockerfile"),
        Image("runtime", ROOT / "images/runtime", ROOT / "images/runtime/Dockerfile"),
        Image("digits", ROOT / "examples/digits", ROOT / "examples/digits/Dockerfile"),
        Image("bytegpt", ROOT / "examples/bytegpt", ROOT / "examples/bytegpt/Dockerfile"),
        Image("minilm", ROOT / "examples/minilm", ROOT / "examples/minilm/Dockerfile"),
        Image("digits-serve", ROOT / "examples", ROOT / "examples/digits-serve/Dockerfile"),
    )
}


def named(names: Iterable[str]) -> list[Image]:
    """The images of these names; all of them for none. Raises ImageError for an unknown one."""
    wanted = list(names) or list(CATALOGUE)
    for name in wanted:
        if name not in CATALOGUE:
            raise ImageError(f"no image is called {name!r}; there are {', '.join(CATALOGUE)}")
    return [CATALOGUE[name] for name in wanted]
