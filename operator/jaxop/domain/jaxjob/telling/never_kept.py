"""In words: compilations that no cache can save, as their functions call back into Python."""

from collections.abc import Sequence


def never_kept(count: int, functions: Sequence[str]) -> str:
    """`1 is never kept by JAX because it calls back into Python (train_step)`"""
    calls = (
        "1 is never kept by JAX because it calls back into Python"
        if count == 1
        else f"{count} are never kept by JAX because they call back into Python"
    )
    return f"{calls} ({', '.join(functions)})" if functions else calls
