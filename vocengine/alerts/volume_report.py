"""A volume spike as it was seen → an alert that a person can check."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import UTC, datetime

from vocengine.alerts.mix import Parts, drivers
from vocengine.alerts.verbatims import representative
from vocengine.alerts.volume import Spike
from vocengine.contracts import Alert, Evidence, Mention, Verbatim
from vocengine.contracts.alert import Severity

METHOD = "e-detector (negative binomial counts by the hour, stakes from the budget)"
_VERBATIMS = 5
_SEVERITIES: tuple[tuple[float, Severity], ...] = ((10.0, "critical"), (5.0, "high"), (2.5, "medium"))


def to_alert(
    spike: Spike, mention: Mention, said: Sequence[Verbatim], parts: Parts, *, budget: str, raised_at: datetime
) -> Alert:
    """The alert for a spike that `mention` completed; the id follows from key and hour, so a replay repeats it."""
    times = spike.n / max(spike.expected, 1e-9)
    # Counts vary by themselves, and what was to be expected is not known exactly.
    half = 1.96 * math.sqrt(spike.n + spike.sd**2 - spike.expected)
    basis = f"volume\x1f{mention.key}\x1f{spike.since_s}"
    return Alert(
        alert_id="a-" + hashlib.sha256(basis.encode()).hexdigest()[:20],
        kind="volume_spike",
        key=mention.key,
        label=mention.label,
        window_start=datetime.fromtimestamp(spike.since_s, UTC),
        window_end=mention.occurred_at,
        baseline_mean=round(spike.expected / spike.hours, 4),
        baseline_n=spike.before_n,
        baseline_from=datetime.fromtimestamp(spike.before_from_s, UTC),
        observed_mean=round(spike.n / spike.hours, 4),
        observed_n=spike.n,
        change=round((spike.n - spike.expected) / spike.hours, 4),
        change_low=round((spike.n - spike.expected - half) / spike.hours, 4),
        change_high=round((spike.n - spike.expected + half) / spike.hours, 4),
        evidence=Evidence(METHOD, round(spike.value, 2), 1.0, budget),
        severity=next((name for least, name in _SEVERITIES if times >= least), "low"),
        drivers=drivers(parts),
        verbatims=tuple(representative(said, lambda one: one.text, most=_VERBATIMS)),
        opened_at=mention.occurred_at,
        raised_at=raised_at,
    )
