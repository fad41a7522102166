"""Write what Terraform reads of the code: the table of stages, from which it makes the queues, and what an hour of a worker costs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.pipeline import STAGES
from stereo_spot_shared.prices import PRICES

FOLDER = Path(__file__).resolve().parent.parent / "packages" / "aws-infra" / "terraform"

OF_VIDEO_WORKER = frozenset({Stage.RENDER, Stage.RENDERED})
"""The stages that the video worker handles; all others are the media worker's."""

RECEIVES_BEYOND_ATTEMPTS = 10
"""SQS's own limit of receives lies so much above a stage's attempts: it only catches what no worker could put aside with a reason."""


def stages() -> dict[str, object]:
    """Queues, who takes from them, and how long anything may take."""
    return {
        stage.value: {
            "queue": spec.queue,
            "worker": "video-worker" if stage in OF_VIDEO_WORKER else "media-worker",
            "visibility_seconds": spec.visibility_seconds,
            "max_receives": spec.max_attempts + RECEIVES_BEYOND_ATTEMPTS,
        }
        for stage, spec in STAGES.items()
    }


def prices() -> dict[str, object]:
    """US dollars for an hour of what renders, by backend, and for handing out 10^9 bytes: the pages say what a job cost."""
    hours = {name: round(machine.hour, 4) for name, machine in PRICES.machines.items()}
    return {"worker_hour": hours, "egress_gigabyte": PRICES.egress_gigabyte}


def files() -> dict[Path, str]:
    """What each file holds."""
    written = {"stages.json": stages(), "prices.json": prices()}
    return {FOLDER / name: json.dumps(content, indent=2) + "\n" for name, content in written.items()}


def main() -> int:
    """Write the files."""
    for file, content in files().items():
        file.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
