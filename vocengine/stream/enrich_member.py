"""enrich as it runs in a process: models loaded once, topics taken up as they change."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from vocengine import pipeline
from vocengine.contracts import Enriched, Feedback
from vocengine.errors import StoreUnavailable
from vocengine.metrics import RoleMetrics
from vocengine.settings import Settings
from vocengine.store import engine as store_engine
from vocengine.store import registry
from vocengine.store.engine import Engine
from vocengine.stream import role
from vocengine.stream.enrich import EnrichSession
from vocengine.stream.members import new_instance, ready_database

log = logging.getLogger(__name__)


class LivePipeline:
    """The pipeline with its models; takes up a new version of the topics within seconds."""

    def __init__(self, models: pipeline.Models, engine: Engine | None, *, refresh_s: float) -> None:
        self._models, self._engine, self._refresh_s = models, engine, refresh_s
        self._looked_at = float("-inf")

    def __call__(self, batch: Sequence[Feedback], received_at: Sequence[datetime]) -> list[Enriched]:
        """Understand a batch, in order, one for one."""
        self._refresh_topics()
        return pipeline.enrich(batch, self._models, received_at=received_at, now=datetime.now(UTC))

    def _refresh_topics(self) -> None:
        if self._engine is None or time.monotonic() - self._looked_at < self._refresh_s:
            return
        self._looked_at = time.monotonic()
        have = self._models.topics.version if self._models.topics else None
        try:
            with store_engine.transaction(self._engine) as connection:
                if registry.newest_version(connection) == have:
                    return
                index, digest = registry.load_index(connection), registry.encoder_digest(connection)
        except StoreUnavailable as error:
            # Understanding does not need the database: the topics in hand stay in force, and that is said.
            log.warning("enrich: topics version %s stays in force: %s", have, error)
            return
        if index is not None and digest != self._models.encoder.info.digest:
            log.warning(
                "enrich: topics version %s was found with another encoder, which sees them elsewhere: "
                "run `vocengine topics refit`",
                index.version,
            )
        self._models = replace(self._models, topics=index)
        log.info("enrich: topics version %s in force", index.version if index else None)


def load_models(settings: Settings) -> pipeline.Models:
    """Load everything that reads text. Raises ModelError."""
    from vocengine.encoder import load_encoder
    from vocengine.text import FastTextLanguages, SpacyNames

    return pipeline.Models(
        encoder=load_encoder(
            settings.encoder.model,
            backend=settings.encoder.backend,
            threads=settings.encoder.threads,
            cache_dir=settings.data_dir / "cache",
        ),
        languages=FastTextLanguages(),
        names=SpacyNames() if settings.text.mask_names else None,
        assumed_language=settings.text.assumed_language,
    )


def run_enrich(settings: Settings, stop: threading.Event, *, models: pipeline.Models | None = None) -> None:
    """Run an enrich member until `stop`, with `models` or those that the settings name."""
    instance = settings.instance or new_instance()
    engine = ready_database(settings, stop)
    live = LivePipeline(models or load_models(settings), engine, refresh_s=settings.topics.refresh_s)
    with RoleMetrics("enrich", settings.metrics) as metrics:
        role.run(
            "enrich",
            lambda: EnrichSession(settings, live, instance=instance),
            stop,
            retry_max_s=settings.stream.retry_max_s,
            on_step=metrics.stepped,
        )
