"""A request between its admission and its answer: its inputs, and the parts of its outputs."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jaxrun.serve.batching import Piece, Ticket

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Pending:
    """future: of the outputs by name, whole."""

    __slots__ = ("_missing", "_parts", "future", "inputs", "ticket")

    def __init__(
        self,
        ticket: Ticket,
        inputs: "Mapping[str, Array]",
        future: "asyncio.Future[dict[str, Array]]",
    ) -> None:
        self.ticket = ticket
        self.inputs = inputs
        self.future = future
        self._missing = ticket.rows
        self._parts: list[tuple[int, dict[str, Array]]] = []

    def inputs_of(self, piece: Piece) -> "Mapping[str, Array]":
        """The piece's rows of every input."""
        if piece.rows == self.ticket.rows:
            return self.inputs
        rows = slice(piece.first, piece.first + piece.rows)
        return {name: array[rows] for name, array in self.inputs.items()}

    def take(self, piece: Piece, outputs: "dict[str, Array]") -> "dict[str, Array] | None":
        """The whole outputs once all pieces are there, in the order of their rows."""
        if piece.rows == self.ticket.rows:
            return outputs
        self._parts.append((piece.first, outputs))
        self._missing -= piece.rows
        if self._missing:
            return None
        import numpy as np

        parts = [part for _, part in sorted(self._parts, key=lambda part: part[0])]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
