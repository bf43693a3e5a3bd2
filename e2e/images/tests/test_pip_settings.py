from pathlib import Path

import pytest

from e2e.images import pip_settings
from e2e.images.pip_settings import parsed


def test_environment_wins_over_files_and_install_over_global() -> None:
    listing = (
        ":env:.proxy='http://from-env'\n"
        "global.index-url='https://from-global/simple'\n"
        "global.proxy='http://from-global'\n"
        "install.index-url='https://from-install/simple'\n"
        "freeze.index-url='ignored'\n"
    )
    assert parsed(listing) == {
        "proxy": "http://from-env",
        "index-url": "https://from-install/simple",
    }


def test_several_values_become_one_line() -> None:
    assert parsed("global.extra-index-url='\\nhttps://a\\nhttps://b'\n") == {
        "extra-index-url": "https://a https://b"
    }


def test_the_variable_for_a_timeout_is_the_option() -> None:
    assert parsed(":env:.default-timeout='99'\n")["timeout"] == "99"


def _written(directory: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> str:
    dashed = {key.replace("_", "-"): value for key, value in settings.items()}
    monkeypatch.setattr(pip_settings, "host_settings", lambda: dashed)
    directory.mkdir()
    pip_settings.write(directory)
    return (directory / "pip" / "pip.conf").read_text()


def test_the_index_is_carried_and_directories_of_this_machine_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _written(
        tmp_path / "a", monkeypatch, index_url="https://mirror/simple", find_links="/opt/wheels"
    )
    assert "index-url = https://mirror/simple\n" in config
    assert "find-links" not in config


def test_certificates_are_copied_to_where_the_build_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundle.pem").write_text("a certificate")
    config = _written(tmp_path / "a", monkeypatch, cert=str(tmp_path / "bundle.pem"))
    assert "cert = /etc/xdg/ca.crt\n" in config
    assert (tmp_path / "a" / "ca.crt").read_text() == "a certificate"


def test_certificates_of_the_environment_count_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundle.pem").write_text("a certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    _written(tmp_path / "a", monkeypatch)
    assert (tmp_path / "a" / "ca.crt").read_text() == "a certificate"
