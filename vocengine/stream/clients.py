"""Kafka clients, configured in one place; a broker that is away when they start is waited for by the caller."""

from __future__ import annotations

from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from vocengine.errors import BrokerUnavailable
from vocengine.settings import KafkaSettings

# Twice a topic's limit: a dead letter carries its record in base64.
MAX_REQUEST_BYTES = 8 * 1024 * 1024

FETCH_BYTES = 64 * 1024


def consumer(settings: KafkaSettings, *, group: str | None, client_id: str, **more: Any) -> KafkaConsumer:
    """A read_committed consumer that commits nothing by itself. Raises BrokerUnavailable."""
    return _made(
        KafkaConsumer,
        settings,
        client_id=client_id,
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        # With incremental sessions a consumer can stop receiving although there is data (dpkp/kafka-python#2575).
        # Whole requests cost a few bytes a partition.
        enable_incremental_fetch_sessions=False,
        # Small pieces of each partition, so that a member that catches up sees all of them side by side; a record
        # that is larger than this comes alone all the same.
        max_partition_fetch_bytes=FETCH_BYTES,
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=settings.session_timeout_ms // 4,
        **more,
    )


def producer(settings: KafkaSettings, *, client_id: str, transactional_id: str | None = None) -> KafkaProducer:
    """An idempotent producer; with `transactional_id` one whose predecessor is fenced. Raises BrokerUnavailable."""
    made = _made(
        KafkaProducer,
        settings,
        client_id=client_id,
        acks="all",
        linger_ms=20,
        batch_size=131_072,
        compression_type="lz4",
        max_request_size=MAX_REQUEST_BYTES,
        transactional_id=transactional_id,
        transaction_timeout_ms=settings.transaction_timeout_ms,
    )
    if transactional_id is not None:
        try:
            made.init_transactions()
        except KafkaError as error:
            made.close(timeout=0)
            raise BrokerUnavailable(f"transactions could not be started on {settings.bootstrap}: {error}") from error
    return made


def admin(settings: KafkaSettings) -> KafkaAdminClient:
    """An admin client. Raises BrokerUnavailable."""
    return _made(KafkaAdminClient, settings, client_id="vocengine-admin")


def _made(kind: Any, settings: KafkaSettings, **options: Any) -> Any:
    try:
        return kind(**_connection(settings), **options)
    except KafkaError as error:
        raise BrokerUnavailable(f"no broker answers on {settings.bootstrap}: {error}") from error


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": [address.strip() for address in settings.bootstrap.split(",")],
        "security_protocol": settings.security_protocol,
        "bootstrap_timeout_ms": 5_000,
        # After an outage a client should be back within a second or two, not half a minute.
        "reconnect_backoff_max_ms": 2_000,
        # How soon a new partition, or an assignment made without knowing the partitions, is put right.
        "metadata_max_age_ms": 30_000,
    }
    if settings.ssl_cafile:
        options["ssl_cafile"] = str(settings.ssl_cafile)
    if settings.sasl_mechanism:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        if settings.sasl_password:
            options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options
