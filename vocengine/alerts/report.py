"""A fall as the detector saw it → an alert that a person can check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from vocengine.alerts.course import alert_id_of, half_width
from vocengine.alerts.detector import Fall
from vocengine.alerts.evidence import Said
from vocengine.alerts.kinds import fall_of
from vocengine.alerts.verbatims import representative
from vocengine.contracts import Alert, Driver, Evidence, Mention, Verbatim
from vocengine.contracts.alert import AlertKind, Severity

METHOD = "e-detector (Shiryaev–Roberts mixture, stakes from the budget)"
_VERBATIMS = 5
_DRIVERS = 5
_SEVERITIES: tuple[tuple[float, Severity], ...] = ((0.4, "critical"), (0.25, "high"), (0.12, "medium"))

_SIGNAL_KINDS: Mapping[str, AlertKind] = {"anger": "anger_spike", "cancel_intent": "cancel_intent_rise"}


def to_alert(
    fall: Fall,
    mention: Mention,
    *,
    budget: str,
    raised_at: datetime,
    importance: float = 1.0,
    watched: tuple[str, str] | None = None,
) -> Alert:
    """The alert for a fall that `mention` completed; the id follows from key and time, so a replay repeats it.

    The severity follows from the change, and is one step up for a key of twice the usual importance, one down for half.
    `watched` is the name and kind of the state, where it is not that of the key's sentiment.
    """
    key, kind = watched or (mention.key, mention.kind)
    change = fall.observed_mean - fall.baseline_mean
    half = half_width(fall.observed_mean, fall.observed_n, fall.observed_square_sum, fall.baseline_sd)
    return Alert(
        alert_id=alert_id_of(key, fall.at),
        kind=_SIGNAL_KINDS.get(kind) or fall_of(kind),
        key=mention.key,
        label=mention.label,
        window_start=fall.since,
        window_end=fall.at,
        baseline_mean=round(fall.baseline_mean, 4),
        baseline_n=fall.baseline_n,
        baseline_from=fall.baseline_from,
        observed_mean=round(fall.observed_mean, 4),
        observed_n=fall.observed_n,
        change=round(change, 4),
        change_low=round(change - half, 4),
        change_high=round(change + half, 4),
        evidence=Evidence(METHOD, round(fall.value, 2), 1.0, budget, _rounded(fall.probability)),
        severity=_severity(change, importance),
        drivers=_drivers(fall.negatives),
        verbatims=_verbatims(fall.negatives),
        opened_at=fall.at,
        raised_at=raised_at,
    )


def _severity(change: float, importance: float) -> Severity:
    step = sum(change < least for least, _ in _SEVERITIES)
    step += (importance <= 0.5) - (importance >= 2.0)
    names: tuple[Severity, ...] = (*(name for _, name in _SEVERITIES), "low")
    return names[min(len(names) - 1, max(0, step))]


def _rounded(probability: float | None) -> float | None:
    return None if probability is None else round(probability, 4)


def _drivers(negatives: Sequence[Said]) -> tuple[Driver, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for said in negatives:
        counts["channel", said.channel] += 1
        if said.product:
            counts["product", said.product] += 1
    total = len(negatives)
    return tuple(Driver(kind, name, round(n / total, 3), n) for (kind, name), n in counts.most_common(_DRIVERS))


def _verbatims(negatives: Sequence[Said]) -> tuple[Verbatim, ...]:
    chosen = representative(sorted(negatives, key=lambda said: said.score), lambda said: said.excerpt, most=_VERBATIMS)
    return tuple(Verbatim(s.event_id, s.occurred_at, s.channel, s.score, s.excerpt) for s in chosen)
