"""After a batch that the device had no memory for: the same rows once more in a smaller bucket."""

from jaxrun.serve.batching.ticket import Dispatch, Piece
from jaxrun.serve.buckets import Bucket


def halves(dispatch: Dispatch, batches: tuple[int, ...]) -> list[Dispatch]:
    """The dispatch's rows in batches of the next smaller size; tickets are split where need be.

    Empty where no smaller batch exists or the dispatch is itself a retry.
    """
    smaller = [batch for batch in batches if batch < dispatch.bucket.batch]
    if dispatch.retry or not smaller:
        return []
    bucket = Bucket(smaller[-1], dispatch.bucket.family)
    parts: list[list[Piece]] = [[]]
    free = bucket.batch
    for piece in dispatch.pieces:
        first, left = piece.first, piece.rows
        while left:
            if not free:
                parts.append([])
                free = bucket.batch
            rows = min(left, free)
            parts[-1].append(Piece(piece.ticket, first, rows))
            first, left, free = first + rows, left - rows, free - rows
    return [Dispatch(bucket, tuple(part), retry=True) for part in parts]


def without(dispatches: list[Dispatch], ids: set[int]) -> list[Dispatch]:
    """The same dispatches without these tickets' pieces; empty ones are gone."""
    kept = []
    for each in dispatches:
        pieces = tuple(piece for piece in each.pieces if piece.ticket.id not in ids)
        if pieces:
            kept.append(Dispatch(each.bucket, pieces, each.retry))
    return kept
