"""The public surface of the text package is sorted and complete."""

from __future__ import annotations

import vocengine.text as text


def test_all_is_sorted_and_importable() -> None:
    constants = [name for name in text.__all__ if name.isupper()]
    classes = [name for name in text.__all__ if name[0].isupper() and not name.isupper()]
    functions = [name for name in text.__all__ if name[0].islower()]
    assert text.__all__ == sorted(constants) + sorted(classes) + sorted(functions)
    assert all(hasattr(text, name) for name in text.__all__)
