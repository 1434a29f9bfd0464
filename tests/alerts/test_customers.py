"""Customers: few messages, read with what all customers have in common."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.alerts.streams import START, Watched, mention, run
from vocengine.alerts import Budget
from vocengine.alerts.customers import probability_of_fall
from vocengine.contracts import Mention


def said(customer: str, day: float, score: float) -> Mention:
    return mention(
        0, score, at=START + timedelta(days=day), kind="customer", key=f"customer:{customer}",
        event_id=f"{customer}-{day}", customer_id=customer,
    )  # fmt: skip


def crowd(customers: int, *, days: int, loyal: str = "C-loyal", grumbler: str = "C-grumbler") -> Watched:
    """Customers who each write every other day, from the fond to the sour; two of them known by name."""
    draw = random.Random(3)
    levels = {f"C-{i}": draw.betavariate(1.2, 1.8) for i in range(customers)}
    told = []
    for day in range(0, days, 2):
        for i, (name, level) in enumerate(levels.items()):
            told.append(said(name, day + i / 100, 1 - 2 * draw.betavariate(4 * level + 0.1, 4 * (1 - level) + 0.1)))
        told.append(said(loyal, day + 0.8, draw.uniform(0.85, 0.98)))
        told.append(said(grumbler, day + 0.9, draw.uniform(-0.6, -0.1)))
    return run(told, budget=Budget(1, 7))


def test_one_furious_message_of_a_loyal_customer_suffices_and_ten_mild_ones_of_a_grumbler_do_not() -> None:
    before = crowd(10, days=90)
    assert not {"customer:C-loyal", "customer:C-grumbler"} & {alert.key for alert in before.alerts}
    mild = [said("C-grumbler", 90 + i / 3, -0.5) for i in range(10)]
    assert run(mild, before=before, budget=Budget(1, 7)).alerts == []
    [alert] = run([said("C-loyal", 94, -0.97)], before=before, budget=Budget(1, 7)).alerts
    assert alert.key == "customer:C-loyal" and alert.observed_n == 1 and alert.severity == "critical"
    assert alert.evidence.probability is not None and alert.evidence.probability > 0.5


def test_thirty_customers_are_enough_to_find_the_one_who_turns() -> None:
    before = crowd(30, days=40)
    turned = [said("C-loyal", 41 + i / 2, -0.8) for i in range(6)]
    [alert] = run(turned, before=before, budget=Budget(1, 7)).alerts
    assert alert.key == "customer:C-loyal" and alert.observed_n <= 4
    assert alert.evidence.probability is not None and alert.evidence.probability > 0.9


def test_one_event_told_many_times_counts_once() -> None:
    before = crowd(10, days=40)
    assert run([said("C-grumbler", 41, -0.7)] * 12, before=before, budget=Budget(1, 7)).alerts == []


def test_the_probability_of_a_fall_grows_with_what_is_seen() -> None:
    population = crowd(20, days=40).meter.population("customer")
    fond, sour = [0.05] * 8, [0.95]
    chances = [probability_of_fall(fond + sour * k, 0.0, 0.0, population, 0.05) for k in range(4)]
    assert chances == sorted(chances) and chances[0] < 0.1 and chances[3] > 0.95
    assert probability_of_fall([0.7] * 12, 0.0, 0.0, population, 0.05) < 0.2, "a steady grumbler"
