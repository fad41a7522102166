"""What a job cost, by the rates of the settings. Only what was measured is priced; without rates nothing is said."""

from __future__ import annotations

from collections.abc import Sequence

from stereo_spot_shared.api.jobs import CostView
from stereo_spot_shared.cost import egress_cost, machine_cost
from stereo_spot_shared.jobs import Job, SegmentCompletion
from stereo_spot_web_ui.settings import WebSettings


def cost_of(job: Job, completions: Sequence[SegmentCompletion], settings: WebSettings) -> CostView | None:
    """The cost of the segments rendered so far, and of handing the result out once; None where no rate is set or nothing was done."""
    if settings.worker_hour_cost is None:
        return None
    seconds = job.result.render.wall if job.result is not None else sum(one.seconds.wall for one in completions)
    if not seconds:
        return None
    handing_out = None
    if settings.egress_gigabyte_cost is not None and job.result is not None:
        handing_out = egress_cost(sum(file.bytes for file in job.result.files), settings.egress_gigabyte_cost)
    return CostView(currency=settings.currency, rendering=machine_cost(seconds, settings.worker_hour_cost), handing_out=handing_out)
