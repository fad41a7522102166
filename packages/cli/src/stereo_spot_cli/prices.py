"""What a conversion costs, as a table for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from stereo_spot_cli.tables import facts_table, plain_table
from stereo_spot_cli.words import duration
from stereo_spot_shared.cost import Cost, IdleDay, Order, render_seconds
from stereo_spot_shared.prices import PRICES


def cost_table(order: Order, found: Cost, idle: IdleDay) -> RenderableType:
    """Every term for an hour of video and for all of it, and what the figures rest on."""
    hours = order.minutes / 60
    machine = PRICES.machines[order.backend]
    wall = render_seconds(order, PRICES) / order.workers + machine.start_seconds
    table = plain_table("US dollars", "an hour of video", "all of it", "what it is")
    meaning = {
        "rendering": f"{duration(render_seconds(order, PRICES))} of machines at ${machine.hour:.3f} an hour",
        "media": "cutting and joining",
        "cold_start": f"{order.workers} times {duration(machine.start_seconds)}",
        "idle": f"{duration(machine.linger_seconds)} before each machine is taken away",
        "requests": "queues, tables, objects",
        "storage": f"{order.source_gigabytes + order.output_gigabytes:.1f} GB for {order.keep_days:g} days",
        "egress": f"{order.output_gigabytes:.1f} GB, {order.downloads:g} times",
    }
    for name, value in found.model_dump().items():
        table.add_row(name.replace("_", " "), _money(value / hours), _money(value), meaning[name])
    table.add_row("total", _money(found.total / hours), _money(found.total), f"rendered after about {duration(wall)}")
    speed = "given by you" if order.speed else machine.speed_is_from
    facts = [
        ("prices", f"{PRICES.region}, {PRICES.as_of.isoformat()}"),
        ("speed", speed),
        ("idle day", f"{_money(idle.machines)} for machines; {_money(idle.total)} with alarms and the look after unfinished jobs"),
    ]
    return Group(table, facts_table(facts))


def _money(dollars: float) -> str:
    return f"{dollars:.4f}" if 0 < dollars < 0.01 else f"{dollars:.2f}"
