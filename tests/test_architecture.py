"""The arrows run one way: contracts ← understanding parts ← pipeline ← stream, store ← command line and pages."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "vocengine"

# What each part may import of vocengine; everybody may import errors, paths and the version.
ALLOWED: dict[str, set[str]] = {
    "contracts": set(),
    "text": set(),
    "encoder": {"text"},
    "topics": {"contracts"},
    "pairs": set(),
    "trends": {"contracts", "pairs"},
    "key_patterns": {"pairs"},
    "quiet_hours": set(),
    "alerts": {"contracts", "key_patterns", "pairs", "quiet_hours"},
    "cases": {"contracts"},
    "notify": {"contracts", "key_patterns", "pairs", "quiet_hours"},
    "intake": {"contracts"},
    "understanding": {"contracts"},
    "settings": {"pairs"},
    "metrics": {"settings"},
    "corpora": {"encoder", "text"},
    "evaluation": {"contracts", "corpora", "encoder", "pipeline", "text"},
    "training": {"corpora", "encoder", "evaluation", "text", "settings"},
    "pipeline": {"contracts", "text", "encoder", "topics", "understanding"},
    "store": {"alerts", "cases", "contracts", "key_patterns", "pairs", "settings", "topics", "trends"},
    "stream": {
        "alerts",
        "cases",
        "contracts",
        "encoder",
        "metrics",
        "notify",
        "pipeline",
        "settings",
        "store",
        "text",
        "topics",
        "trends",
    },
    "web": {"cases", "contracts", "pairs", "settings", "store", "trends"},
    "cli": {
        "alerts",
        "cases",
        "contracts",
        "corpora",
        "demo",
        "encoder",
        "evaluation",
        "intake",
        "key_patterns",
        "notify",
        "pairs",
        "pipeline",
        "settings",
        "store",
        "stream",
        "text",
        "topics",
        "training",
        "web",
    },
    "demo": {"cases", "contracts", "intake", "settings", "store", "stream"},
}
FREE = {"errors", "paths", "terminal", "signals", "__init__"}

# Where a library may be imported at all.
LIBRARIES = {
    "kafka": {"stream"},
    "sqlalchemy": {"store"},
    "psycopg": {"store"},
    "torch": {"cli", "encoder", "evaluation", "training"},
    "transformers": {"encoder", "evaluation", "training"},
    "openvino": {"encoder"},
    "bertopic": {"topics"},
    "spacy": {"text"},
    "apprise": {"notify"},
    "fastapi": {"web"},
    "click": {"cli"},
}


def imports() -> Iterator[tuple[str, str, str]]:
    """(part, imported module, place) of every import in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
                if node.module == "vocengine":
                    names = [f"vocengine.{alias.name}" for alias in node.names]
            for name in names:
                yield part, name, f"{path.relative_to(PACKAGE)}:{node.lineno}"


def test_parts_import_only_what_lies_before_them() -> None:
    wrong = []
    for part, name, place in imports():
        if name.startswith("vocengine.") and part not in FREE:
            target = name.split(".")[1]
            if target != part and target not in FREE | ALLOWED[part] and target != "__version__":
                wrong.append(f"{place} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_libraries_stay_behind_their_adapters() -> None:
    wrong = []
    for part, name, place in imports():
        library = name.split(".")[0]
        if library in LIBRARIES and part not in LIBRARIES[library]:
            wrong.append(f"{place} imports {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("code", ["import vocengine", "import vocengine.cli.main"])
def test_importing_the_package_and_the_command_line_loads_nothing_heavy(code: str) -> None:
    heavy = ["torch", "transformers", "kafka", "sqlalchemy", "bertopic", "spacy", "fastapi", "numpy", "pydantic"]
    program = f"import sys; {code}; print([m for m in {heavy!r} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
