"""What AWS asks for, in one place: us-east-1, US dollars, without tax, free tier or discounts.

Prices change, those of the Spot market by the hour. Before a decision hangs on one, compare it with https://aws.amazon.com/pricing.
"""

from __future__ import annotations

from datetime import date

from pydantic import Field

from stereo_spot_shared.base import Value


class Machine(Value):
    """What renders, and how fast that is assumed to be."""

    hour: float = Field(ge=0)
    """US dollars for an hour of one of them."""
    megapixels_per_second: float = Field(gt=0)
    """Of source pictures, with a learned depth and the profile balanced."""
    speed_is_from: str
    """Where that speed comes from: none of these machines was there to be measured."""
    start_seconds: float = Field(ge=0)
    """From the first message to the first frame: the machine, its image, the model. Assumed, not measured."""
    linger_seconds: float = Field(default=900.0, ge=0)
    """How long it is kept after the last message, and paid for: what target tracking waits before it takes machines away."""


class Prices(Value):
    """The price table, with its date."""

    as_of: date
    region: str
    machines: dict[str, Machine]
    """By the name of the backend."""
    media_worker_hour: float
    """A task that cuts and joins: 2 vCPU, 4 GB and 100 GB of disk of Fargate Spot."""
    storage_gigabyte_month: float
    egress_gigabyte: float
    queue_request: float
    table_write: float
    table_read: float
    object_write: float
    object_read: float
    alarm_month: float
    """For each metric that an alarm looks at."""
    balancer_hour: float
    address_hour: float
    """Of a public IPv4 address."""
    web_hour: float
    """The pages: 0.5 vCPU and 1 GB of Fargate Spot."""


FARGATE_VCPU, FARGATE_GIGABYTE, SPOT = 0.04048, 0.004445, 0.3
"""On demand, for an hour; and what is left of it on the Spot market at best (up to 70 % off)."""
FREE_DISK_GIGABYTES, DISK_GIGABYTE_HOUR = 20, 0.000111
"""Of a task's own disk so much is free, and the rest costs that; the Spot market makes it no cheaper."""


def fargate_spot(vcpu: float, gigabytes: float) -> float:
    """US dollars for an hour of a task of this size."""
    return SPOT * (vcpu * FARGATE_VCPU + gigabytes * FARGATE_GIGABYTE)


_FULL_HD = 1920 * 1080 / 1e6
_T4 = "12 frames a second of 1080p: iw3's on a T4 with a model of this kind. This program was not measured on one."
_CPU = "8 frames a second of 1080p on four vCPU: assumed, not measured."

PRICES = Prices(
    as_of=date(2026, 11, 29),
    region="us-east-1",
    machines={
        # g4dn.xlarge, 0.526 on demand; 0.16 to 0.25 on the Spot market. The disk of 80 GB adds 0.009.
        "gpu_spot": Machine(hour=0.169, megapixels_per_second=12 * _FULL_HD, speed_is_from=_T4, start_seconds=240),
        "sagemaker": Machine(hour=0.736, megapixels_per_second=12 * _FULL_HD, speed_is_from=_T4, start_seconds=420),
        "cpu": Machine(hour=fargate_spot(4, 8), megapixels_per_second=8 * _FULL_HD, speed_is_from=_CPU, start_seconds=90),
    },
    media_worker_hour=fargate_spot(2, 4) + (100 - FREE_DISK_GIGABYTES) * DISK_GIGABYTE_HOUR,
    storage_gigabyte_month=0.023,
    egress_gigabyte=0.09,
    queue_request=0.40e-6,
    table_write=0.625e-6,
    table_read=0.125e-6,
    object_write=5e-6,
    object_read=0.4e-6,
    alarm_month=0.10,
    balancer_hour=0.0225,
    address_hour=0.005,
    web_hour=fargate_spot(0.5, 1),
)
"""Machines, Fargate, S3's storage and egress: as the plan of this project wrote them down. Requests, disks, addresses, alarms and the load
balancer: AWS's list prices as remembered, not looked up on that day."""
