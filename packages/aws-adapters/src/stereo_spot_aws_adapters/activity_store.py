"""Who works on what at this moment; DynamoDB removes by itself what nobody has touched for a week."""

from __future__ import annotations

import time

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.dynamo import Item, Table, body_text, encode_body
from stereo_spot_aws_adapters.names import ACTIVITY
from stereo_spot_aws_adapters.tables import TABLES
from stereo_spot_shared.jobs import Activity, Stage
from stereo_spot_shared.rows import decode_row

_KEPT_SECONDS = 7 * 24 * 3600
_WHOLE_JOB = -1
_STAGES = list(Stage)


class DynamoActivityStore:
    """`ActivityStore` on DynamoDB."""

    def __init__(self, aws: Aws) -> None:
        self._table = Table(aws, ACTIVITY)

    def report(self, activity: Activity) -> None:
        item: Item = {
            "job_id": {"S": activity.job_id},
            "place": {"S": f"{activity.stage.value}#{_segment(activity)}"},
            "body": encode_body(activity, f"an activity of job {activity.job_id}"),
        }
        if (expires := TABLES[ACTIVITY].expires) is not None:
            item[expires] = {"N": str(int(time.time()) + _KEPT_SECONDS)}
        self._table.put(item)

    def list(self, job_id: str) -> tuple[Activity, ...]:
        items = self._table.query_all("job_id = :job", {":job": {"S": job_id}})
        found = (decode_row(Activity, body_text(item), f"an activity of job {job_id}") for item in items)
        return tuple(sorted(found, key=lambda activity: (_STAGES.index(activity.stage), _segment(activity))))

    def delete_by_job(self, job_id: str) -> None:
        found = self._table.query_all("job_id = :job", {":job": {"S": job_id}}, ProjectionExpression="job_id, place")
        self._table.delete_all(list(found))


def _segment(activity: Activity) -> int:
    return _WHOLE_JOB if activity.segment_index is None else activity.segment_index
