"""vocengine evaluate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vocengine.cli.context import settings_of

Step = Callable[[str], None]


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--suite",
    type=click.Choice(["public", "intents", "behaviour"]),
    help="public: public test sets; intents: the project's own examples; behaviour: what must hold by capability.",
)
@click.option("--model", help="A bundled name, a model folder, a Hugging Face id, or vader; default: the settings'.")
@click.option("--compare", multiple=True, metavar="MODEL", help="Another one beside it; may be given several times.")
@click.option("--text", default="text", show_default=True, help="FILE's column of texts.")
@click.option("--label", default="label", show_default=True, help="FILE's column of labels.")
@click.option("--split", type=click.Choice(["val", "test"]), default="test", show_default=True)
@click.option("--failures", type=click.IntRange(min=0), default=0, help="behaviour: show so many failures of each.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for machines.")
@click.pass_context
def evaluate(
    ctx: click.Context,
    file: Path | None,
    suite: str | None,
    model: str | None,
    compare: tuple[str, ...],
    text: str,
    label: str,
    split: str,
    failures: int,
    as_json: bool,
) -> None:
    """Measure a model: on a suite, or on FILE, a CSV with a text and a sentiment label in each row."""
    if (file is None) == (suite is None):
        raise click.UsageError("name either a FILE of labelled texts or a --suite")
    settings = settings_of(ctx)
    model = model or settings.encoder.model
    names = [model, *compare]
    from rich.console import Console

    with Console(stderr=True).status("loading") as status:

        def step(what: str) -> None:
            status.update(f"measuring {what}")

        backend, threads = settings.encoder.backend, settings.encoder.threads
        if file is not None:
            found = _labelled(file, names, text, label, backend, threads, step)
        elif suite == "behaviour":
            found = _behaviour(names, backend, threads, step)
        else:
            if compare:
                raise click.UsageError(
                    f"--suite {suite} measures one model of this engine; --compare does not go with it"
                )
            found = _figures(str(suite), model, split, backend, threads, step)
    if as_json:
        import orjson

        click.echo(orjson.dumps({name: part for name, part in found.items() if name != "failures"}).decode())
    else:
        _print(found, failures)


def _figures(suite: str, model: str, split: str, backend: str, threads: int | None, step: Step) -> dict[str, Any]:
    from vocengine.corpora import data_folder
    from vocengine.encoder.voc_encoder import load
    from vocengine.evaluation import authored, public

    encoder = load(model, backend=backend, threads=threads, cache_dir=None)
    about = {
        "model": f"{encoder.info.name} {encoder.info.version}",
        "backend": encoder.info.backend,
        "split": split,
    }
    if suite == "public":
        return public.measure(encoder, data_folder(), split, step=step) | about
    step("intents and effort")
    found = authored.measure(encoder, split)
    if split == "test":
        step("suggestions")
        found |= authored.suggestions(encoder, data_folder())
    return found | about


def _labelled(
    file: Path, names: list[str], text: str, label: str, backend: str, threads: int | None, step: Step
) -> dict[str, Any]:
    from vocengine.evaluation.labelled import measure, read_labelled
    from vocengine.evaluation.readers import open_reader

    texts, labels = read_labelled(file, text=text, label=label)
    found: dict[str, Any] = {"file": str(file), "rows": len(texts), "models": {}}
    for name in names:
        step(f"{name} on {len(texts):,} rows")
        reader = open_reader(name, backend=backend, threads=threads)
        found["models"][reader.name] = measure(reader, texts, labels)
    return found


def _behaviour(names: list[str], backend: str, threads: int | None, step: Step) -> dict[str, Any]:
    from vocengine.encoder.voc_encoder import VocEncoder, load
    from vocengine.evaluation import behaviour
    from vocengine.evaluation.judges import pipeline_judge, reader_judge
    from vocengine.evaluation.readers import is_foreign, open_reader
    from vocengine.paths import resource
    from vocengine.pipeline import Models
    from vocengine.text import FastTextLanguages

    cases = behaviour.load_cases(resource("models", "behaviour"))
    found: dict[str, Any] = {"cases": len(cases), "failure_rate": {}, "failures": {}}
    for name in names:
        step(f"{name} on {len(cases):,} cases")
        if is_foreign(name):
            reader = open_reader(name, backend=backend, threads=threads)
            title, judge = reader.name, reader_judge(reader)
        else:
            encoder: VocEncoder = load(name, backend=backend, threads=threads, cache_dir=None)
            title = f"{encoder.info.name} {encoder.info.version}"
            judge = pipeline_judge(Models(encoder, FastTextLanguages(), assumed_language=None))
        outcomes = behaviour.run(cases, judge)
        found["failure_rate"][title] = behaviour.rates(outcomes)
        found["failures"][title] = {n: o.examples for n, o in outcomes.items() if " / " in n and o.examples}
    return found


def _print(found: dict[str, Any], failures: int) -> None:
    from vocengine.terminal import table

    if "failure_rate" in found:
        names = list(found["failure_rate"])
        rows = [
            [capability, *(f"{found['failure_rate'][name][capability]:.1f} %" for name in names)]
            for capability in found["failure_rate"][names[0]]
        ]
        table(["failures by capability", *names], rows, title=f"{found['cases']:,} cases")
        for name in names if failures else ():
            for test, examples in found["failures"][name].items():
                click.secho(f"\n{name}: {test}", bold=True)
                for text, fault in examples[:failures]:
                    click.echo(f"  {text}  [{fault}]")
    elif "models" in found:
        columns = ["model", "accuracy", "macro F1", "macro recall", "calibration error"]
        rows = [
            [name, f["accuracy"], f["macro_f1"], f["macro_recall"], f["calibration_error"]]
            for name, f in found["models"].items()
        ]
        table(columns, rows, title=f"{found['file']}, {found['rows']:,} rows")
        for name, figures in found["models"].items():
            click.echo()
            matrix = zip(figures["labels"], figures["confusion"], strict=True)
            table([f"{name}: true ↓ read →", *figures["labels"]], [[said, *row] for said, row in matrix])
    else:
        from vocengine.evaluation.public import FIGURES

        about = {figure.key: figure for figure in FIGURES}
        order = [key for key in (*about, *found) if key in found and key not in ("model", "backend", "split")]
        rows = [
            [about[key].what if key in about else key, f"{found[key]:g}", about[key].anchors if key in about else ""]
            for key in dict.fromkeys(order)
        ]
        table(
            ["figure", "measured", "published"], rows, title=f"{found['model']}, {found['backend']}, {found['split']}"
        )
