"""Costs are sums of terms that no change for the better makes dearer, and what grows with a video adds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_shared.cost import Cost, Order, cost, egress_cost, idle_day, machine_cost, render_seconds
from stereo_spot_shared.prices import PRICES

ONCE = {"cold_start", "idle"}
"""Terms that are paid once, however long the video is."""

amounts = st.floats(min_value=0.01, max_value=10_000)
orders = st.builds(
    Order,
    minutes=amounts,
    width=st.integers(16, 16_000),
    height=st.integers(16, 16_000),
    frame_rate=st.floats(1, 240),
    backend=st.sampled_from(sorted(PRICES.machines)),
    workers=st.integers(1, 100),
    speed=st.none() | st.floats(0.1, 1000),
    keep_days=st.floats(0, 1000),
    downloads=st.floats(0, 1000),
)


def terms(order: Order) -> dict[str, float]:
    return cost(order, PRICES).model_dump()


@given(orders)
def test_the_total_is_its_terms_and_none_is_negative(order: Order) -> None:
    found = cost(order, PRICES)
    assert found.total == pytest.approx(sum(terms(order).values()))
    assert min(terms(order).values()) >= 0


@given(orders, amounts)
def test_two_parts_cost_what_the_whole_costs(order: Order, more: float) -> None:
    first, second = terms(order), terms(order.model_copy(update={"minutes": more}))
    whole = terms(order.model_copy(update={"minutes": order.minutes + more}))
    for name, value in whole.items():
        expected = first[name] if name in ONCE else first[name] + second[name]
        assert value == pytest.approx(expected), name


@given(orders, st.sampled_from(["minutes", "width", "height", "frame_rate", "workers", "keep_days", "downloads"]), st.integers(1, 50))
def test_more_of_anything_makes_no_term_cheaper(order: Order, what: str, more: int) -> None:
    before, after = terms(order), terms(order.model_copy(update={what: getattr(order, what) + more}))
    assert all(after[name] >= value * (1 - 1e-9) for name, value in before.items())


@given(orders, st.floats(0.1, 1000))
def test_a_faster_machine_is_cheaper_and_changes_nothing_else(order: Order, speed: float) -> None:
    slow, fast = (order.model_copy(update={"speed": one}) for one in (speed, 2 * speed))
    assert render_seconds(slow, PRICES) == pytest.approx(2 * render_seconds(fast, PRICES))
    different = {name for name, value in terms(slow).items() if value != terms(fast)[name]}
    assert different <= {"rendering"}


def test_the_goal_on_paper() -> None:
    """A 1080p hour on g4dn of the Spot market is rendered for at most $0.35, at a speed that was not measured by us."""
    order = Order(minutes=60, width=1920, height=1080)
    assert cost(order, PRICES).rendering <= 0.35
    assert cost(order.model_copy(update={"backend": "sagemaker"}), PRICES).rendering == pytest.approx(1.472)


def test_an_idle_day_pays_for_no_machine() -> None:
    closed, open_ = (idle_day(PRICES, pages=pages, queues=6, pulled=6) for pages in (False, True))
    assert closed.machines == open_.machines == closed.pages == 0
    assert open_.total > closed.total > 0


def test_rates() -> None:
    assert machine_cost(1800, 2.0) == 1.0
    assert egress_cost(5e8, 0.09) == pytest.approx(0.045)


def test_every_assumed_speed_says_so() -> None:
    assert all("not measured" in machine.speed_is_from for machine in PRICES.machines.values())
    assert set(Cost.model_fields) >= {"rendering", "cold_start", "idle", "requests", "storage", "egress"}
