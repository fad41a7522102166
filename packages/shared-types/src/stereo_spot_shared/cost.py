"""What a conversion costs on machines that somebody bills: arithmetic only, term by term, from a price table.

Whatever grows with the video (rendering, cutting, requests, storage, egress) is proportional to it, so that the terms of two videos add up
to those of both. Cold start and idling do not: they are paid once, however long the video is.
"""

from __future__ import annotations

import math

from pydantic import Field

from stereo_spot_shared.base import Value
from stereo_spot_shared.prices import Prices

RESOLUTIONS = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "1440p": (2560, 1440), "2160p": (3840, 2160)}

SECONDS_OF_SEGMENT = 10.0
SOURCE_BITS_PER_PIXEL, OUTPUT_BITS_PER_PIXEL = 0.10, 0.12
"""Of ordinary H.264 films; the output has twice the pixels of the source in full side by side, which is one file of both eyes."""
MEDIA_BYTES_PER_SECOND = 50e6
"""What a media worker moves, through S3 and its disk, while it cuts and joins. Assumed, not measured there."""
QUEUE_REQUESTS, TABLE_WRITES, TABLE_READS, OBJECT_WRITES, OBJECT_READS = 40, 60, 60, 12, 30
"""For each segment, generously: receive, extend and settle; activity every few seconds; manifest, parts and answers."""
MONTH_DAYS = 30.4


class Order(Value):
    """A video, and what is done with it."""

    minutes: float = Field(gt=0, allow_inf_nan=False)
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    frame_rate: float = Field(default=24.0, gt=0, allow_inf_nan=False)
    backend: str = "gpu_spot"
    workers: int = Field(default=1, ge=1)
    """Machines that render it at the same time: faster, and each is started and idles once."""
    speed: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Frames of this size that one of them renders in a second, if that is known; otherwise what the price table assumes."""
    keep_days: float = Field(default=30.0, ge=0, allow_inf_nan=False)
    """For so long source and result are stored."""
    downloads: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """How often the whole result leaves the cloud."""

    @property
    def frames(self) -> float:
        return self.minutes * 60 * self.frame_rate

    @property
    def megapixels(self) -> float:
        """Of all pictures of the source."""
        return self.frames * self.width * self.height / 1e6

    @property
    def source_gigabytes(self) -> float:
        return self.megapixels * SOURCE_BITS_PER_PIXEL / 8e3

    @property
    def output_gigabytes(self) -> float:
        return 2 * self.megapixels * OUTPUT_BITS_PER_PIXEL / 8e3


class Cost(Value):
    """US dollars, term by term."""

    rendering: float
    media: float
    """Cutting and joining."""
    cold_start: float
    idle: float
    """Machines that wait before they are taken away."""
    requests: float
    storage: float
    egress: float

    @property
    def total(self) -> float:
        return math.fsum(self.model_dump().values())


def machine_cost(seconds: float, hour: float) -> float:
    """Of a machine for so many seconds, at a price for an hour."""
    return seconds / 3600 * hour


def egress_cost(count_of_bytes: float, gigabyte: float) -> float:
    """Of handing out so many bytes, at a price for 10^9 of them."""
    return count_of_bytes / 1e9 * gigabyte


def render_seconds(order: Order, prices: Prices) -> float:
    """Machine seconds that rendering takes. KeyError for a backend without a price."""
    if order.speed is not None:
        return order.frames / order.speed
    return order.megapixels / prices.machines[order.backend].megapixels_per_second


def cost(order: Order, prices: Prices) -> Cost:
    """What an order costs. KeyError for a backend without a price."""
    machine = prices.machines[order.backend]
    segments = order.minutes * 60 / SECONDS_OF_SEGMENT
    gigabytes = order.source_gigabytes + order.output_gigabytes
    # The source is read, its segments are written; rendered segments are read, the result is written.
    media_seconds = 2e9 * gigabytes / MEDIA_BYTES_PER_SECOND
    return Cost(
        rendering=machine_cost(render_seconds(order, prices), machine.hour),
        media=machine_cost(media_seconds, prices.media_worker_hour),
        cold_start=order.workers * machine_cost(machine.start_seconds, machine.hour),
        idle=order.workers * machine_cost(machine.linger_seconds, machine.hour)
        + machine_cost(machine.linger_seconds, prices.media_worker_hour),
        requests=segments
        * (
            QUEUE_REQUESTS * prices.queue_request
            + TABLE_WRITES * prices.table_write
            + TABLE_READS * prices.table_read
            + OBJECT_WRITES * prices.object_write
            + OBJECT_READS * prices.object_read
        ),
        storage=gigabytes * order.keep_days / MONTH_DAYS * prices.storage_gigabyte_month,
        egress=egress_cost(order.downloads * order.output_gigabytes * 1e9, prices.egress_gigabyte),
    )


class IdleDay(Value):
    """US dollars for a day on which nothing is converted, without what is stored."""

    machines: float
    """That render, cut and join: there are none."""
    reconciler: float
    alarms: float
    pages: float
    """Load balancer, its addresses, and the task behind it."""

    @property
    def total(self) -> float:
        return math.fsum(self.model_dump().values())


ZONES, FREE_ALARMS = 3, 10


def idle_day(prices: Prices, *, pages: bool, queues: int, pulled: int, reconciles: int = 24) -> IdleDay:
    """What a day costs that does nothing. `queues` have two alarms each; by each of `pulled` queues workers are scaled, with
    two alarms of three metrics and one of two; `reconciles` tasks look after unfinished jobs for a minute each."""
    watched = max(0, 2 * queues + 8 * pulled - FREE_ALARMS)
    return IdleDay(
        machines=0.0,
        reconciler=machine_cost(60.0 * reconciles, prices.web_hour / 2 + prices.address_hour),
        alarms=watched * prices.alarm_month / MONTH_DAYS,
        pages=24 * (prices.balancer_hour + (ZONES + 1) * prices.address_hour + prices.web_hour) if pages else 0.0,
    )
