"""Write packages/aws-infra/terraform/stages.json, from which Terraform makes the queues: the table of stages, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.pipeline import STAGES

FILE = Path(__file__).resolve().parent.parent / "packages" / "aws-infra" / "terraform" / "stages.json"

OF_VIDEO_WORKER = frozenset({Stage.RENDER, Stage.RENDERED})
"""The stages that the video worker handles; all others are the media worker's."""

RECEIVES_BEYOND_ATTEMPTS = 10
"""SQS's own limit of receives lies so much above a stage's attempts: it only catches what no worker could put aside with a reason."""


def stages() -> str:
    """What the file holds."""
    table = {
        stage.value: {
            "queue": spec.queue,
            "worker": "video-worker" if stage in OF_VIDEO_WORKER else "media-worker",
            "visibility_seconds": spec.visibility_seconds,
            "max_receives": spec.max_attempts + RECEIVES_BEYOND_ATTEMPTS,
        }
        for stage, spec in STAGES.items()
    }
    return json.dumps(table, indent=2) + "\n"


def main() -> int:
    """Write the file."""
    FILE.write_text(stages(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
