"""`stereo-spot media-worker`: one worker that cuts, joins and sweeps."""

from __future__ import annotations

from stereo_spot_cli.commands.options import DataDirOption


def media_worker(data_dir: DataDirOption = None) -> None:
    """Run one worker that cuts and joins, and makes posters, subtitles and versions for browsers.

    It also removes what is no longer needed and sends again what was lost.

    Example:  STORAGE_ADAPTER=aws stereo-spot media-worker
    """
    from media_worker.main import main
    from stereo_spot_cli.data_dir import name_data_dir

    name_data_dir(data_dir)
    main()
