"""How an image that no registry has seen gets a name with its digest."""

import pytest

from e2e.cluster.errors import ClusterError
from e2e.cluster.pinned import canonical, pin, repository, same

DIGEST = "sha256:" + "0123456789abcdef" * 4
LISTED = f"""REF                        TYPE                       DIGEST    SIZE  PLATFORMS LABELS
docker.io/jaxop/digits:dev application/vnd.oci.image  {DIGEST} 9 MiB linux/amd64 -
"""


class Ctr:
    """Of a node that lists this."""

    def __init__(self, listed: str) -> None:
        self.listed = listed
        self.tagged: list[tuple[str, ...]] = []

    def __call__(self, *args: str) -> str:
        if args[:2] == ("images", "tag"):
            self.tagged.append(args[2:])
            return ""
        assert args == ("images", "list", "name==docker.io/jaxop/digits:dev")
        return self.listed


def test_the_name_is_made_where_the_image_is() -> None:
    ctr = Ctr(LISTED)
    assert pin(ctr, "jaxop/digits:dev") == f"jaxop/digits@{DIGEST}"
    whole = ("docker.io/jaxop/digits:dev", f"docker.io/jaxop/digits@{DIGEST}")
    assert ctr.tagged == [("--force", *whole)]


def test_an_image_that_is_not_there() -> None:
    with pytest.raises(ClusterError, match="jaxop/digits:dev is not on the node: load it first"):
        pin(Ctr("REF TYPE DIGEST SIZE PLATFORMS LABELS\n"), "jaxop/digits:dev")


def test_nodes_that_have_different_images() -> None:
    assert same({"cpu": "a@1", "tpu": "a@1"}) == "a@1"
    with pytest.raises(ClusterError, match="cpu has a@1, tpu has a@2"):
        same({"cpu": "a@1", "tpu": "a@2"})


@pytest.mark.parametrize(
    ("reference", "whole", "without_tag"),
    [
        ("jaxop/digits:dev", "docker.io/jaxop/digits:dev", "jaxop/digits"),
        ("python:3.13", "docker.io/library/python:3.13", "python"),
        ("registry.test/a/b", "registry.test/a/b", "registry.test/a/b"),
        ("localhost:5000/a:1", "localhost:5000/a:1", "localhost:5000/a"),
        ("localhost:5000/a", "localhost:5000/a", "localhost:5000/a"),
        (f"a/b@{DIGEST}", f"docker.io/a/b@{DIGEST}", "a/b"),
    ],
)
def test_names_as_docker_reads_them(reference: str, whole: str, without_tag: str) -> None:
    assert canonical(reference) == whole
    assert repository(reference) == without_tag
