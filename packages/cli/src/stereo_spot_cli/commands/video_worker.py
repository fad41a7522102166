"""`stereo-spot video-worker`: one worker that renders segments."""

from __future__ import annotations

from stereo_spot_cli.commands.options import DataDirOption


def video_worker(data_dir: DataDirOption = None) -> None:
    """Run one worker that renders segments.

    Example:  STORAGE_ADAPTER=aws stereo-spot video-worker
    """
    from stereo_spot_cli.data_dir import name_data_dir
    from video_worker.main import main

    name_data_dir(data_dir)
    main()
