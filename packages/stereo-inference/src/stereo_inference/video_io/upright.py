"""Interlaced and rotated sources: made progressive and turned upright before anything else looks at them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
from av.filter import Graph

from stereo_inference.picture import Picture

ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def turned(picture: Picture, rotation: int) -> Picture:
    """`picture` turned clockwise by `rotation` degrees: itself for 0, otherwise with memory of its own."""
    if rotation == 0:
        return picture
    y, u, v = (np.ascontiguousarray(cv2.rotate(picture.cropped(i), ROTATIONS[rotation])) for i in range(3))
    return Picture((y, u, v), y.shape[1], y.shape[0], picture.format)


class Deinterlacer:
    """One progressive frame for each frame, by FFmpeg's bwdif; frames not flagged as interlaced pass as they are.

    It looks one frame back and one ahead (`DEINTERLACE_RADIUS`), so each frame comes out when the next went in.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._labels: deque[int] = deque()
        self._count = 0

    def push(self, label: int, frame: av.VideoFrame) -> Iterator[tuple[int, av.VideoFrame]]:
        """Take the next frame in; yield what is complete by it with the label that it came with."""
        if self._graph is None:
            self._graph = self._build(frame)
        frame.pts = self._count
        frame.time_base = Fraction(1, 25)  # any clock will do: frames come out in the order in which they went in
        self._count += 1
        self._labels.append(label)
        self._graph.push(frame)
        yield from self._ready()

    def finish(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the frames that are still held."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready()

    def _ready(self) -> Iterator[tuple[int, av.VideoFrame]]:
        assert self._graph is not None  # noqa: S101 - called only after the first push
        while self._labels:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.VideoFrame)  # noqa: S101 - the graph holds nothing but video
            yield self._labels.popleft(), frame

    @staticmethod
    def _build(frame: av.VideoFrame) -> Graph:
        graph = Graph()
        source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
        graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), graph.add("buffersink")).configure()
        return graph
