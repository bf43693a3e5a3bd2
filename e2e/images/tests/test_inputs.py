from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.images.catalogue import CATALOGUE, Image
from e2e.images.errors import ImageError
from e2e.images.inputs import image_hash
from e2e.images.tests.builders import an_image


def _touch(context: Path) -> None:
    (context / "app" / "main.py").touch()


def _change_a_file(context: Path) -> None:
    (context / "app" / "main.py").write_text("print('changed')\n")


def _add_a_file(context: Path) -> None:
    (context / "app" / "new.py").write_text("")


def _rename_a_file(context: Path) -> None:
    (context / "app" / "main.py").rename(context / "app" / "renamed.py")


def _make_executable(context: Path) -> None:
    (context / "app" / "main.py").chmod(0o755)


def _change_the_dockerfile(context: Path) -> None:
    with (context / "Dockerfile").open("a") as file:
        file.write("USER 1\n")


def _change_what_is_not_copied(context: Path) -> None:
    (context / "README.md").write_text("Changed.\n")


def _add_what_is_ignored(context: Path) -> None:
    (context / "app" / "__pycache__").mkdir()
    (context / "app" / "__pycache__" / "main.pyc").write_text("")


@pytest.mark.parametrize(
    ("change", "matters"),
    [
        (_change_a_file, True),
        (_add_a_file, True),
        (_rename_a_file, True),
        (_make_executable, True),
        (_change_the_dockerfile, True),
        (_touch, False),
        (_change_what_is_not_copied, False),
        (_add_what_is_ignored, False),
    ],
)
def test_what_makes_another_image(
    tmp_path: Path, change: Callable[[Path], None], matters: bool
) -> None:
    image = an_image(tmp_path)
    (image.context / ".dockerignore").write_text("**/__pycache__\n")
    before = image_hash(image)
    change(image.context)
    assert (image_hash(image) != before) is matters


def test_where_a_checkout_lies_does_not_matter(tmp_path: Path) -> None:
    assert image_hash(an_image(tmp_path / "a")) == image_hash(an_image(tmp_path / "b"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    image = an_image(tmp_path, "FROM scratch\nCOPY nowhere.txt /\n")
    with pytest.raises(ImageError, match=r"nowhere\.txt"):
        image_hash(image)


@pytest.mark.parametrize("image", CATALOGUE.values(), ids=lambda image: image.name)
def test_every_image_of_the_repository_has_its_sources(image: Image) -> None:
    assert len(image_hash(image)) == 64
