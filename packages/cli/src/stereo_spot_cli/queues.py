"""Queue groups: whoever runs workers for itself gives them messages of their own."""

from __future__ import annotations

import time

from stereo_spot_cli.settings import export
from stereo_spot_shared.errors import Conflict
from stereo_spot_shared.interfaces import Platform

DRAIN_SECONDS = 2.0
"""How long to wait for messages that a killed worker held; the embedded queue notices the death within about a second."""


def use_queue_group(name: str) -> None:
    """From here on this process, and those that it starts, see messages of one group only, and reconcile no others' jobs."""
    export(
        {
            "STEREO_SPOT_QUEUE_GROUP": name,
            "STEREO_SPOT_RECONCILE_SECONDS": "0",
            "STEREO_SPOT_RECEIVE_WAIT_SECONDS": "0.2",  # so soon does an idle worker stop when it is told to
        }
    )


def drain(platform: Platform) -> None:
    """Drop every message of the group while none of its workers run.

    Messages are hints and the store is the truth: what is still to be done is announced anew. An old message beside the new
    one would have a segment rendered by two workers at once.
    """
    for queue in platform.queues.values():
        give_up = time.monotonic() + DRAIN_SECONDS
        while (depth := queue.depth()).waiting or (depth.in_flight and time.monotonic() < give_up):
            for delivery in queue.receive(max_messages=10, wait_seconds=DRAIN_SECONDS):
                try:
                    queue.ack(delivery)
                except Conflict:
                    continue  # it ended otherwise meanwhile
