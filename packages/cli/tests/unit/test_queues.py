from pathlib import Path

from stereo_spot_cli.queues import drain
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared.jobs import Stage


def test_drain_drops_the_groups_messages_and_nobody_elses(tmp_path: Path) -> None:
    ours, others = open_platform(tmp_path, queue_group="ours"), open_platform(tmp_path)
    try:
        ours.queues[Stage.RENDER].send_batch([f"segment {number}" for number in range(25)])
        ours.queues[Stage.CHUNK].send("chunk")
        others.queues[Stage.RENDER].send("others")
        drain(ours)
        assert all(queue.depth().waiting == 0 for queue in ours.queues.values())
        assert others.queues[Stage.RENDER].depth().waiting == 1
    finally:
        ours.close()
        others.close()
