"""Run the pages and the API until stopped."""

from __future__ import annotations

import uvicorn

from vocengine.settings import Settings
from vocengine.store.cases import Casebook
from vocengine.store.engine import connect
from vocengine.web.app import create_app


def serve(settings: Settings) -> None:
    """Listen on `web.host`:`web.port` until SIGINT or SIGTERM. Raises StoreError where the database URL is wrong.

    A database that is away does not keep it from starting: pages and `/readyz` say so until it is back.
    """
    engine = connect(settings)
    casebook = Casebook.of(settings)
    try:
        with casebook.alert_policies:
            uvicorn.run(
                create_app(engine, edits=settings.web.edits, casebook=casebook),
                host=settings.web.host,
                port=settings.web.port,
                log_level="debug" if settings.log_level == "debug" else "warning",
                access_log=settings.log_level == "debug",
                server_header=False,
                timeout_graceful_shutdown=5,
            )
    finally:
        engine.dispose()
