"""What people's answers say of a key: how much its alerts count when the budget of false alarms is shared."""

from __future__ import annotations

# As many imagined answers at the overall precision stand beside a key's own: one or two answers move little.
PRIOR_ANSWERS = 4.0
LEAST, MOST = 0.25, 4.0


def importance(real: int, judged: int, *, all_real: int, all_judged: int) -> float:
    """The weight of a key of whose `judged` cases (answered yes or no) `real` were real problems, in [0.25, 4].

    It is the key's precision against that of the whole installation (`all_real` of `all_judged`), each the mean of a
    Beta distribution after the answers: the key's prior has the mean of the whole and the strength of four answers, the
    whole's is Jeffreys's Beta(1/2, 1/2). So a key without answers weighs 1, one whose alerts turned out true more
    often than the others' gets a larger share of the budget, and one that cried wolf a smaller, though never none.

    Source: shrinkage of proportions toward their common mean, B. Efron and C. Morris (JASA 70, 1975).
    """
    usual = (all_real + 0.5) / (all_judged + 1.0)
    own = (real + PRIOR_ANSWERS * usual) / (judged + PRIOR_ANSWERS)
    return min(MOST, max(LEAST, own / usual))
