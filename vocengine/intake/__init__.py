"""Files → Feedback events: mappings say how, readers stream the rows, the importer sends them on."""

from vocengine.intake.importer import ImportReport, import_file
from vocengine.intake.mapping import Mapping, load_mapping, shipped_mappings
from vocengine.intake.readers import FORMATS, Reader, Row, open_reader
from vocengine.intake.replay import replay
from vocengine.intake.sinks import JsonLinesSink, ListSink, Sink
from vocengine.intake.translate import Skipped, Translator

__all__ = [
    "FORMATS",
    "ImportReport",
    "JsonLinesSink",
    "ListSink",
    "Mapping",
    "Reader",
    "Row",
    "Sink",
    "Skipped",
    "Translator",
    "import_file",
    "load_mapping",
    "open_reader",
    "replay",
    "shipped_mappings",
]
