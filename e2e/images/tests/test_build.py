from pathlib import Path

import pytest

from e2e.cluster.progress import Progress
from e2e.images import ImageError, archive_path, built
from e2e.images.build import build_images
from e2e.images.built import BuiltImage
from e2e.images.catalogue import CATALOGUE, Image
from e2e.images.tests.builders import RecordingEngine, an_image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(built, "IMAGES", tmp_path / "images")
    return tmp_path / "images"


def _build(image: Image, engine: RecordingEngine) -> BuiltImage:
    return build_images([image], lambda _: engine, Progress(quiet=True))[image.name]


def test_a_new_image_is_built_and_described(tmp_path: Path) -> None:
    engine = RecordingEngine()
    found = _build(an_image(tmp_path), engine)
    assert engine.calls == ["prepare", "build tiny", "tidy"]
    assert found.changed
    assert found.reference == "jaxop/tiny:dev"
    assert found.image_id == "sha256:c0ffee"
    assert found.size_bytes == found.archive.stat().st_size > 0


def test_nothing_is_built_when_nothing_changed(tmp_path: Path) -> None:
    image, second = an_image(tmp_path), RecordingEngine()
    first = _build(image, RecordingEngine())
    again = _build(image, second)
    assert second.calls == []
    assert not again.changed
    assert (again.archive, again.image_id) == (first.archive, first.image_id)


def test_a_change_builds_again_and_keeps_what_was_before(tmp_path: Path) -> None:
    image = an_image(tmp_path)
    first = _build(image, RecordingEngine())
    (image.context / "settings.toml").write_text("changed = true\n")
    second = _build(image, RecordingEngine())
    assert second.changed
    assert second.archive != first.archive
    assert first.archive.exists()


def test_old_archives_go(tmp_path: Path, cache: Path) -> None:
    image = an_image(tmp_path)
    for round_ in range(4):
        (image.context / "settings.toml").write_text(f"round = {round_}\n")
        newest = _build(image, RecordingEngine())
    archives = list(cache.glob("tiny-*.tar"))
    assert len(archives) == 2
    assert newest.archive in archives
    assert len(list(cache.glob("tiny-*.json"))) == 2


def test_a_failed_build_leaves_nothing_that_looks_built(tmp_path: Path, cache: Path) -> None:
    image = an_image(tmp_path)
    with pytest.raises(ImageError, match="it does not build"):
        _build(image, RecordingEngine(fails=True))
    assert list(cache.glob("tiny-*")) == []
    assert _build(image, RecordingEngine()).changed


def test_an_archive_that_is_not_there_says_how_to_make_it() -> None:
    with pytest.raises(ImageError, match=r"python -m e2e\.images build digits"):
        archive_path("digits")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ImageError, match=", ".join(CATALOGUE)):
        archive_path("nonesuch")
