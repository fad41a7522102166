"""Numbers as people read them."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """`1 frame`, `1,200 frames`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """`4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def size(count_of_bytes: float) -> str:
    """`512 bytes`, `3.4 MB`, `1.2 GB` (powers of 1000, as disks are sold)."""
    if count_of_bytes < 1000:
        return f"{count_of_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB", "TB"):
        count_of_bytes /= 1000
        if count_of_bytes < 999.95 or unit == "TB":
            break
    return f"{count_of_bytes:.1f} {unit}"
