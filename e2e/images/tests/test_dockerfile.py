import pytest

from e2e.images.catalogue import CATALOGUE, Image
from e2e.images.dockerfile import copied
from e2e.images.errors import ImageError


@pytest.mark.parametrize(
    ("line", "sources"),
    [
        ("COPY a.txt /a.txt", ["a.txt"]),
        ("COPY a.txt b/ /target/", ["a.txt", "b"]),
        ("copy a.txt /", ["a.txt"]),
        ("ADD rootfs.tar /", ["rootfs.tar"]),
        ("COPY --chown=1:1 a.txt /", ["a.txt"]),
        ("COPY a.txt \\\n  b.txt /", ["a.txt", "b.txt"]),
        ("COPY . /app", ["."]),
        ("COPY --from=build /out /out", []),
        ("# COPY a.txt /", []),
        ("RUN echo COPY a b", []),
    ],
)
def test_sources_of_a_copy(line: str, sources: list[str]) -> None:
    assert copied(f"FROM scratch\n{line}\nUSER 1\n") == sources


def test_the_form_that_is_not_read_is_refused() -> None:
    with pytest.raises(ImageError, match="without brackets"):
        copied('COPY ["a b.txt", "/"]')


@pytest.mark.parametrize("image", CATALOGUE.values(), ids=lambda image: image.name)
def test_images_run_as_a_numeric_user_who_is_not_root(image: Image) -> None:
    lines = image.dockerfile.read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM")] == ["FROM python:3.13-slim"]
    assert [line for line in lines if line.startswith("USER")] == ["USER 65532:65532"]
