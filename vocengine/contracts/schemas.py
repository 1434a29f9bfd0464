"""The JSON Schemas of all messages, as published under `streams/schemas/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from vocengine.contracts.alert import Alert
from vocengine.contracts.case import Case
from vocengine.contracts.dead_letter import DeadLetter
from vocengine.contracts.enriched import Enriched
from vocengine.contracts.feedback import Feedback
from vocengine.contracts.mention import Mention

MESSAGES: dict[str, Any] = {
    "feedback": Feedback,
    "enriched": Enriched,
    "mention": Mention,
    "alert": Alert,
    "case": Case,
    "dead-letter": DeadLetter,
}
VERSION = 1


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message by its name."""
    mode = "validation" if name == "feedback" else "serialization"
    schema = TypeAdapter(MESSAGES[name]).json_schema(mode=mode)  # type: ignore[arg-type]
    if name == "feedback":
        # Derived where it is absent, and unknown fields are kept: the schema for senders says so.
        schema["required"] = [field for field in schema["required"] if field != "event_id"]
        schema["additionalProperties"] = True
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{name}.v{VERSION}.json", **schema}


def write_all(folder: Path) -> list[Path]:
    """Write every schema into `folder`; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in MESSAGES:
        path = folder / f"{name}.v{VERSION}.json"
        path.write_text(json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written
