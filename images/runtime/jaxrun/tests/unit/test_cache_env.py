"""What a program is told about its compile cache."""

from pathlib import Path

import pytest

from jaxrun.cache_env import cache_environment

LOCAL = Path("/jaxop-cache/local")


def test_all_that_is_compiled_is_kept_in_the_local_directory() -> None:
    found = cache_environment(LOCAL, {"PATH": "/bin"})
    assert found.variables == {
        "JAX_COMPILATION_CACHE_DIR": "/jaxop-cache/local",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    assert found.problem is None


def test_the_users_own_limits_stay() -> None:
    own = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "5", "JAX_ENABLE_COMPILATION_CACHE": "1"}
    found = cache_environment(LOCAL, own)
    assert set(found.variables) == {
        "JAX_COMPILATION_CACHE_DIR",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES",
    }


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"JAX_COMPILATION_CACHE_DIR": "/mine"}, "to '/mine'"),
        ({"JAX_ENABLE_COMPILATION_CACHE": "False"}, "JAX uses no cache"),
        ({"JAX_ENABLE_COMPILATION_CACHE": "0"}, "JAX uses no cache"),
        ({"JAX_COMPILATION_CACHE_MAX_SIZE": "1000"}, "lock and evict"),
    ],
)
def test_a_user_with_a_cache_of_his_own_is_left_alone(own: dict[str, str], says: str) -> None:
    found = cache_environment(LOCAL, own)
    assert not found.variables
    assert found.problem is not None
    assert says in found.problem


def test_an_unlimited_cache_is_no_limit() -> None:
    assert cache_environment(LOCAL, {"JAX_COMPILATION_CACHE_MAX_SIZE": "-1"}).variables
