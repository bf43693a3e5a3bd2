"""Kubernetes resource quantities of bytes: read exactly, shown for people."""

from fractions import Fraction
from typing import Final

_FACTORS: Final = {
    "": Fraction(1),
    "m": Fraction(1, 1000),
    **{unit: Fraction(1000**power) for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", start=1)},
}
_UNITS: Final = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def whole_bytes(quantity: str) -> int:
    """`1.5Gi` -> 1610612736; a part of a byte is cut off. Raises ValueError."""
    number = quantity.rstrip("kKMGTPEim")
    factor = _FACTORS.get(quantity[len(number) :])
    if factor is None:
        raise ValueError(f"{quantity!r} is no quantity")
    return int(Fraction(number) * factor)


def shown(size_bytes: int) -> str:
    """`1.2Gi`, in the largest unit of which there is at least one; `0`, `512`."""
    if size_bytes < 1024:
        return str(size_bytes)
    power = min((size_bytes.bit_length() - 1) // 10, len(_UNITS))
    tenths = size_bytes * 10 // 1024**power
    text = f"{tenths / 10:.1f}" if tenths < 100 else str(tenths // 10)
    return f"{text.removesuffix('.0')}{_UNITS[power - 1]}"
