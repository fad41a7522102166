"""`stereo-spot up`: everything that works on jobs, in one supervised process tree."""

from __future__ import annotations

from stereo_spot_cli.commands.options import DataDirOption, WorkersOption


def up(workers: WorkersOption = None, data_dir: DataDirOption = None) -> None:
    """Run workers of every stage on this machine.

    Until Ctrl-C or SIGTERM; what dies is started again.

    Example:  stereo-spot up --workers 2
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.data_dir import open_data_dir
    from stereo_spot_cli.platform import opened
    from stereo_spot_cli.stopping import stop_requested
    from stereo_spot_cli.words import count
    from stereo_spot_cli.workers import choose_workers, pipeline_workers, threads_per_worker

    place = open_data_dir(data_dir)
    number = choose_workers(workers)
    with stop_requested() as stop, opened(data_dir) as platform, pipeline_workers(number) as supervisor:
        output.note(
            f"stereo-spot works on the platform “{platform.name}” (data in {place.root}): 1 media worker with the reconciler, "
            f"{count(number, 'video worker')} with {count(threads_per_worker(number), 'thread')} each. Ctrl-C stops."
        )
        for name, pid in supervisor.pids().items():
            output.note(f"  {name}: process {pid}")
        while not stop.wait(0.5):
            supervisor.poll()
        output.note("stopping: what is held is handed back")
