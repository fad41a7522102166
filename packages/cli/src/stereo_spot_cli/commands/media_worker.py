"""`stereo-spot media-worker`: one worker that cuts, joins and sweeps."""

from __future__ import annotations

from stereo_spot_cli.commands.options import DataDirOption


def media_worker(data_dir: DataDirOption = None) -> None:
    """Run one media worker: it cuts videos, joins segments, removes what is no longer needed, and looks for lost messages.

    Example:  STORAGE_ADAPTER=aws stereo-spot media-worker
    """
    from media_worker.main import main
    from stereo_spot_cli.data_dir import name_data_dir

    name_data_dir(data_dir)
    main()
