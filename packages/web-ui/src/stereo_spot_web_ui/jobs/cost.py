"""What a job cost, by the rates of the settings. Only what was measured is priced; without rates nothing is said."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stereo_spot_shared.api.jobs import CostView
from stereo_spot_shared.cost import egress_cost, machine_cost
from stereo_spot_shared.jobs import Job, SegmentCompletion
from stereo_spot_web_ui.settings import WebSettings


def cost_of(job: Job, completions: Sequence[SegmentCompletion], settings: WebSettings) -> CostView | None:
    """The cost of the segments rendered so far, and of handing the result out once; None where no rate is known or nothing was done.

    What the segments cost by their workers' own rates stands on them. Where it is missing on one, the rate of this server is taken for all:
    what is kept of a finished job does not tell them apart.
    """
    rendering = job.result.render_cost if job.result is not None else _recorded(completions)
    if rendering is None and settings.worker_hour_cost is not None:
        seconds = job.result.render.wall if job.result is not None else sum(one.seconds.wall for one in completions)
        rendering = machine_cost(seconds, settings.worker_hour_cost)
    if not rendering:
        return None
    handing_out = None
    if settings.egress_gigabyte_cost is not None and job.result is not None:
        handing_out = egress_cost(sum(file.bytes for file in job.result.files), settings.egress_gigabyte_cost)
    return CostView(currency=settings.currency, rendering=rendering, handing_out=handing_out)


def _recorded(completions: Sequence[SegmentCompletion]) -> float | None:
    """What the segments say that they cost; None where one of them does not."""
    costs = [one.cost for one in completions if one.cost is not None]
    return math.fsum(costs) if len(costs) == len(completions) else None
