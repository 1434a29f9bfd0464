"""vocengine classify."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from vocengine.cli.context import settings_of
from vocengine.contracts import Enriched, Labelled, Sentiment

_COLOURS = {"negative": "red", "neutral": "default", "positive": "green"}


@click.command()
@click.argument("texts", nargs=-1, metavar="TEXT...")
@click.option("--model", help="A bundled name or a model folder; default: the settings'.")
@click.option("--json", "as_json", is_flag=True, help="One enriched event a line, as the stream publishes it.")
@click.pass_context
def classify(ctx: click.Context, texts: tuple[str, ...], model: str | None, as_json: bool) -> None:
    """Read each TEXT as the stream would and show what is understood; without one, each line of standard input."""
    said = list(texts) or [line.rstrip("\n") for line in sys.stdin if line.strip()]
    if not said:
        raise click.UsageError('there is nothing to read: vocengine classify "The parcel came late, but it is lovely"')
    settings = settings_of(ctx)
    from vocengine.contracts import Feedback
    from vocengine.contracts.wire import encode
    from vocengine.encoder import load_encoder
    from vocengine.pipeline import Models, enrich
    from vocengine.text import FastTextLanguages

    encoder = load_encoder(
        model or settings.encoder.model, backend=settings.encoder.backend, threads=settings.encoder.threads
    )
    now = datetime.now(UTC)
    batch = [
        Feedback(event_id=str(number), source="terminal", channel="review", occurred_at=now, text=text)
        for number, text in enumerate(said, start=1)
    ]
    read = enrich(batch, Models(encoder, FastTextLanguages()), received_at=[now] * len(batch), now=now)
    for event in read:
        if as_json:
            click.echo(encode(event).decode())
        else:
            _show(event)


def _show(event: Enriched) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    shown = Text(event.text)
    for span in event.spans:
        if span.sentiment.label != "neutral":
            shown.stylize(f"bold {_COLOURS[span.sentiment.label]}", span.start, span.end)
    console.print(shown)
    if event.sentiment is None:
        console.print(f"  not scored: {event.status.replace('_', ' ')} ({event.language})\n", style="yellow")
        return
    lines = [("sentiment", _sentiment(event.sentiment))]
    if len(event.spans) > 1:
        lines += [
            ("clause" if n == 0 else "", f"{_sentiment(s.sentiment)}  {event.text[s.start : s.end].strip()}")
            for n, s in enumerate(event.spans)
        ]
    lines += [
        ("emotions", _labels(event.emotions)),
        ("intents", _labels(event.intents)),
        ("effort", "nothing said of it" if event.effort is None else f"{event.effort:+.1f} (−2 hard, 2 easy)"),
        ("urgency", event.urgency),
    ]
    for name, value in lines:
        console.print(f"  [dim]{name:<10}[/dim] ", end="")
        console.print(value, markup=False, soft_wrap=True)
    console.print()


def _sentiment(sentiment: Sentiment) -> str:
    return f"{sentiment.score:+.2f} {sentiment.label:<8}"


def _labels(found: tuple[Labelled, ...]) -> str:
    return ", ".join(f"{one.label} {one.score:.2f}" for one in found) or "none"
