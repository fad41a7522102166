"""The packets of a source, read so that every pass over a file sees the same ones in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

MAX_READ_ERRORS = 100


def read_packets(
    container: InputContainer, streams: list[Stream], on_error: Callable[[Exception], None] = lambda _: None
) -> Iterator[Packet[Any]]:
    """Every non-empty packet of `streams`, in the file's order.

    A place that cannot be read is told to `on_error` and reading goes on behind it, as long as packets still come
    and it does not happen more than a hundred times: then the rest of the file is given up.
    """
    for _ in range(MAX_READ_ERRORS):
        came = False
        try:
            for packet in container.demux(streams):
                if packet.size:
                    came = True
                    yield packet
        except av.FFmpegError as error:
            on_error(error)
            if not came:
                return
        except IndexError:  # PyAV at the end of the file, where a track appeared in its midst; its packets are over
            return
        else:
            return
