"""For all tests: nothing is fetched, in this process or in those that tests start."""

from __future__ import annotations

import os

os.environ["STEREO_SPOT_OFFLINE"] = "1"  # noqa: TID251 - for the processes that tests start, too
