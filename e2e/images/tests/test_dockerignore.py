from pathlib import Path, PurePosixPath

import pytest

from e2e.images.dockerignore import ignored


@pytest.mark.parametrize(
    ("rules", "path", "verdict"),
    [
        ("", "a.py", False),
        ("# a.py", "a.py", False),
        ("a.py", "a.py", True),
        ("a.py", "deep/a.py", False),
        ("**/a.py", "a.py", True),
        ("**/a.py", "very/deep/a.py", True),
        ("*.py", "a.py", True),
        ("*.py", "deep/a.py", False),
        ("tests/", "tests/deep/a.py", True),
        ("/tests", "tests/a.py", True),
        ("test", "tests/a.py", False),
        ("**/__pycache__", "a/__pycache__/b.pyc", True),
        ("?.py", "a.py", True),
        ("?.py", "ab.py", False),
        ("*\n!keep", "keep/a.py", False),
        ("*\n!keep", "other/a.py", True),
        ("*\n!keep\nkeep/secret", "keep/secret", True),
        ("*\n!deep/er", "deep/er/a.py", False),
        ("a.py", "axpy", False),
    ],
)
def test_the_last_rule_that_matches_decides(
    tmp_path: Path, rules: str, path: str, verdict: bool
) -> None:
    (tmp_path / ".dockerignore").write_text(rules)
    assert ignored(tmp_path)(PurePosixPath(path)) is verdict


def test_without_a_file_nothing_is_left_out(tmp_path: Path) -> None:
    assert not ignored(tmp_path)(PurePosixPath("a.py"))
