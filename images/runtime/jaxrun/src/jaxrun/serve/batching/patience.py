"""Does an idle device wait for company?

Going now answers n rows after c(n) seconds, and the next row, which comes after a gap g, after
c(n) - g + c(1). Waiting for it makes all N queued rows g later and their batch c(n + 1) instead of
c(n) long, but the next row takes only c(n + 1). The sum of all waits is smaller by waiting where

    g < (c(1) - (n + 1) * (c(n + 1) - c(n))) / (N + 1)

so with costs that grow with the rows nobody waits, and with costs that do not, one row waits for
another that is expected within half of an execution.
"""


def worth_waiting_seconds(
    alone_seconds: float, now_seconds: float, with_seconds: float, rows: int, queued_rows: int
) -> float:
    """The longest expected gap for which waiting for the next row pays; 0 where it never does.

    alone_seconds: c(1). now_seconds: c(n). with_seconds: c(n + 1). rows: n. queued_rows: N >= n.
    """
    grows = max(with_seconds - now_seconds, 0.0)
    gap = (alone_seconds - (rows + 1) * grows) / (queued_rows + 1)
    return max(min(gap, now_seconds), 0.0)
