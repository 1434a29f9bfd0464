"""Refits that were planned and not yet applied, kept so that the one looked at is the one applied."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

import numpy as np
import sqlalchemy as sa

from vocengine.errors import RegistryError
from vocengine.store.registry import Fit
from vocengine.store.tables import topic_plans
from vocengine.topics.assign import Topic
from vocengine.topics.lineage import Change, Plan


def save(connection: sa.Connection, plan: Plan, fit: Fit, *, base_version: int | None) -> int:
    """Keep a plan; returns its number."""
    body = {
        "topics": [_packed(topic) for topic in plan.topics],
        "changes": [asdict(change) for change in plan.changes],
        "ended": [asdict(change) for change in plan.ended],
        "categories": [_packed(topic) for topic in plan.categories],
        "fit": asdict(fit),
    }
    added = sa.insert(topic_plans).values(created_at=sa.func.now(), base_version=base_version, body=body)
    return int(connection.execute(added.returning(topic_plans.c.plan_id)).scalar_one())


def load(connection: sa.Connection, plan_id: int | None) -> tuple[int, Plan, Fit, int | None]:
    """Number, plan, fit and base version of a kept plan, by default of the newest. Raises RegistryError."""
    query = sa.select(topic_plans).order_by(topic_plans.c.plan_id.desc()).limit(1)
    if plan_id is not None:
        query = query.where(topic_plans.c.plan_id == plan_id)
    row = connection.execute(query).first()
    if row is None:
        missing = "there is no plan" if plan_id is None else f"there is no plan {plan_id}"
        raise RegistryError(f"{missing}: `vocengine topics plan` makes one")
    plan = Plan(
        tuple(_unpacked(topic) for topic in row.body["topics"]),
        tuple(Change(**change) for change in row.body["changes"]),
        tuple(Change(**change) for change in row.body["ended"]),
        tuple(_unpacked(topic) for topic in row.body.get("categories", ())),
    )
    return row.plan_id, plan, Fit(**row.body["fit"]), row.base_version


def _packed(topic: Topic) -> dict[str, Any]:
    names = ("topic_id", "label", "keywords", "threshold", "size", "examples", "origin")
    packed = {name: getattr(topic, name) for name in names}
    return packed | {"centroid": base64.b64encode(np.asarray(topic.centroid, dtype="<f4").tobytes()).decode()}


def _unpacked(packed: dict[str, Any]) -> Topic:
    centroid = np.frombuffer(base64.b64decode(packed["centroid"]), dtype="<f4").astype(np.float32)
    lists = {name: tuple(packed[name]) for name in ("keywords", "examples")}
    return Topic(**(packed | lists | {"centroid": centroid}))
