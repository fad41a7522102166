"""Becomes iw3, as a process that dies with the one that asked for it, however that one ends: `launcher PARENT COMMAND…`."""

from __future__ import annotations

import os
import sys

from stereo_spot_media.sandbox import ChildLimits, apply_limits


def main() -> None:
    """Tell the kernel, then run the command in place of this program. What else limits it was inherited."""
    parent, *command = sys.argv[1:]
    apply_limits(ChildLimits(address_space=None, network=True), parent=int(parent))
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
