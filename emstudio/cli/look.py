"""`emstudio show`, `emstudio datasets` and `emstudio models`: what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emstudio import storage, tables
from emstudio.cli.options import Parser
from emstudio.cli.say import grid, report
from emstudio.core.errors import UserError, printable

DONE = 0


def show(arguments: Sequence[str]) -> int:
    p = Parser("show", "Says what was read from a table.")
    p.add_argument("data", metavar="DATA", help="a CSV, TSV, Parquet, Excel or .npy file, or dataset:NAME")
    p.add_argument("--json", action="store_true", help="as JSON")
    options = p.parse(arguments)
    table = tables.read(options.data)
    found = tables.show(table)
    if options.json:
        _json(found)
        return DONE
    head = ["column", "kind", "unit", "count", "missing", "minimum", "maximum", "sum"]
    body = [[_text(c.get(key)) for key in ("name", *head[1:])] for c in found["columns"]]
    facts = [f"{found['rows']} rows"]
    facts += [
        f"{key.replace('_', ' ')} {found[key]!r}" for key in ("delimiter", "decimal_mark", "encoding") if found.get(key)
    ]
    notices = "".join(f"\n{printable(text)}" for text in table.notices)
    report(f"{printable(options.data)}: {', '.join(facts)}\n\n{grid([head, *body])}{notices and chr(10)}{notices}")
    return DONE


def datasets(arguments: Sequence[str]) -> int:
    from emstudio import datasets as bundled

    p = Parser("datasets", "Lists the bundled data sets, or writes one as CSV.")
    p.usage = "%(prog)s [NAME -o FILE.csv] [--json]"
    p.value("-o", metavar="FILE.csv", help="where to write it; - is standard output")
    p.add_argument("--json", action="store_true", help="the list as JSON")
    options = p.parse(arguments, optional="name")
    if options.name is not None:
        return _write_dataset(options.name, options.o, options.json)
    if options.o is not None:
        raise UserError("-o is given without the name of a data set", "write emstudio datasets NAME -o FILE.csv")
    index = [_described(info, tables.read(f"{tables.DATASET}{info.name}")) for info in bundled.index()]
    if options.json:
        _json(index)
        return DONE
    body = [[d["name"], f"{d['shape'][0]} x {d['shape'][1]}", d["kind"], d["title"]] for d in index]
    report(grid([["name", "shape", "kind", "what"], *body]))
    return DONE


def _write_dataset(name: str, path: str | None, as_json: bool) -> int:
    if path is None:
        raise UserError(f"it is not said where to write {name!r}", "add -o FILE.csv, or -o - for standard output")
    if as_json:
        raise UserError("--json lists the data sets and writes none", "leave out --json or the name")
    with storage.Outputs() as outputs:
        outputs.name("-o", path)
        table = tables.read(f"{tables.DATASET}{name.removeprefix(tables.DATASET)}")
        outputs.stage("-o", "".join(tables.csv_lines(table)).encode())
        outputs.commit()
        if not outputs.to_stdout:
            report(f"{printable(path)}: {table.rows} rows, {len(table.columns)} columns")
    return DONE


def _described(info: Any, table: Any) -> dict[str, Any]:
    columns = [
        {"name": c.name, "unit": c.unit or None, "kind": c.kind, "fit": c.numeric and c.fit} for c in table.columns
    ]
    return {
        "name": info.name,
        "title": info.title,
        "shape": [table.rows, len(table.columns)],
        "columns": columns,
        "kind": info.kind,
        "source": info.source,
    }


def models(arguments: Sequence[str]) -> int:
    import emstudio.models  # noqa: F401  (fills the registry)
    from emstudio.core.model import REGISTRY

    p = Parser("models", "Lists the models and their parameters.")
    p.add_argument("--json", action="store_true", help="as JSON")
    options = p.parse(arguments)
    found = [_model(REGISTRY[name]) for name in sorted(REGISTRY)]
    if options.json:
        _json(found)
        return DONE
    rows = [["model", "parameter", "default", "values", ""]]
    for m in found:
        if not m["parameters"]:
            rows.append([m["name"], "", "", "", "without parameters"])
        for i, q in enumerate(m["parameters"]):
            values = "|".join(q["choices"]) if q["choices"] else "|".join([*q["words"], _range(q)])
            option = q["option"]
            given = f"-p {q['name']}=" if option is None else f"{option}=" if " " in option else option
            rows.append([m["name"] if i == 0 else "", given, q["default"], values, q["help"]])
    report(grid(rows))
    return DONE


def _model(cls: Any) -> dict[str, Any]:
    return {
        "name": cls.name,
        "title": cls.title,
        "accepts": cls.accepted,
        "parameters": [
            {
                "name": q.name,
                "type": q.type,
                "default": q.default,
                "low": q.low,
                "high": q.high,
                "choices": [*(v for v, _ in q.choices), *(a for a, _ in q.aliases)] or None,
                "words": list(q.words),
                "option": q.option,
                "help": q.help,
            }
            for q in cls.parameters()
        ],
    }


def _range(parameter: dict[str, Any]) -> str:
    low, high = parameter["low"], parameter["high"]
    if low is None and high is None:
        return parameter["type"]
    return f"{'' if low is None else f'{low:g}'}..{'' if high is None else f'{high:g}'}"


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _json(value: Any) -> None:
    with storage.Outputs() as outputs:
        outputs.name("--json", "-")
        outputs.stage("--json", storage.json_text(value))
        outputs.commit()
