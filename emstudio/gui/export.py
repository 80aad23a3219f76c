"""Taking results away: labels, the model, a script, the data, the canvas; each file is complete or not there at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QFileDialog

from emstudio import storage, tables
from emstudio.core.em import evaluate
from emstudio.core.errors import UserError
from emstudio.core.runs import Entry, Run
from emstudio.gui import paper, sheet, theme
from emstudio.session import Session
from emstudio.session.recipe import recipe
from emstudio.storage.pictures import PICTURES, picture_kind

if TYPE_CHECKING:
    from emstudio.gui.main_window import MainWindow
    from emstudio.gui.stage import Stage

# what: (title, suffix, filter)
KINDS = {
    "labels": ("Export labels and responsibilities", "csv", "Comma-separated values (*.csv)"),
    "model": ("Save the model", "json", "Model (*.json)"),
    "script": ("Export a script", "py", "Python script (*.py)"),
    "data": ("Export the data", "csv", "Comma-separated values (*.csv)"),
    "picture": ("Export the picture", "png", ";;".join(f"{words} (*.{kind})" for kind, words in PICTURES.items())),
}


def ask(window: MainWindow, what: str) -> None:
    """Ask where to, then write; nothing waits meanwhile."""
    title, suffix, kinds = KINDS[what]
    dialog = QFileDialog(window, title, str(Path(window.last_folder()) / suggestion(window.session, what)), kinds)
    dialog.setObjectName(f"export_{what}_dialog")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix)
    dialog.selectFile(suggestion(window.session, what))
    dialog.filterSelected.connect(lambda shown: dialog.setDefaultSuffix(shown.rpartition("*.")[2].rstrip(")")))
    dialog.fileSelected.connect(lambda path: export(window, what, path))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def suggestion(session: Session, what: str) -> str:
    """A file name made from the data's."""
    name = "".join(c if c.isalnum() or c in " -_." else "-" for c in Path(session.data.table.name).stem).strip()
    return f"{name or 'emstudio'} {what}.{KINDS[what][1]}".replace(" ", "-").lower()


def export(window: MainWindow, what: str, path: str) -> bool:
    """Write `what` to `path` and say so; what cannot be written is one sentence in the window."""
    try:
        content = (
            picture(window.stage, picture_kind(path)) if what == "picture" else document(window.session, what, path)
        )
        storage.write(path, content, "" if what == "data" else window.session.data.table.source)
    except UserError as error:
        window.tell(f"{error}.")
        window.saving.could_not()
        return False
    window.remember_folder(path)
    window.saving.done(f"Written: {path}")
    return True


def document(session: Session, what: str, path: str = "") -> bytes:
    """The data, or of the moment shown the labels, the model or the script that is to stand at `path`.

    Raises UserError where nothing is fitted.
    """
    moment = session.moment
    if what == "data":
        return "".join(tables.csv_lines(moment.data.table)).encode()
    if moment.snapshot.params is None:
        raise UserError("nothing is fitted yet", "make a step first")
    if what == "model":
        run = shown_run(session)
        return storage.json_text(storage.fit_document(run, warnings=run.notices))
    if what == "script":
        return storage.python_script(recipe(session), path)
    resp, density = storage.responsibilities(moment.model, moment.data, moment.snapshot.params)
    found = storage.decoded(moment.model, moment.data, moment.snapshot.params)
    states = None if found is None else found[0]
    return "".join(storage.labels_csv(moment.data, resp, density, states)).encode()


def shown_run(session: Session) -> Run:
    """The moment shown as the end of its run: what the command line would have written there."""
    moment = evaluate(session.moment)
    entries: dict[int, Entry] = {}
    for node in session.history.segment():
        s = node.moment.snapshot
        if s.phase in ("start", "M", "edit"):
            bound = s.bound if s.phase == "M" else None
            entries[s.t] = Entry(s.t, s.log_likelihood, bound, cost=s.cost)
        if node is session.history.current:
            break
    s = moment.snapshot
    kept = [e for t, e in entries.items() if t < s.t]
    last = entries.get(s.t, Entry(s.t, None, None))
    trace = (*kept, Entry(s.t, s.log_likelihood, last.bound, cost=s.cost))
    verdict = session.verdict()
    stop = verdict.stop or "interrupted"
    reason = verdict.reason if verdict.stop else f"stopped by hand after {s.t} iterations"
    posterior = moment.ahead or moment.snapshot.posterior
    notices = tuple(moment.model.notices(moment.data, s.params, posterior)) if posterior is not None else ()
    return Run(moment, trace, stop, reason, notices)


def picture(stage: Stage, kind: str) -> bytes:
    """The view as it is seen: twice as sharp as PNG; as SVG and PDF in light colours, as paper is."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    moment = stage.canvas.session.moment
    title = f"{sheet.heading(moment)}: {moment.data.table.name}"
    wear = theme.current() if kind == "png" else theme.LIGHT
    with theme.worn(app, wear):
        return paper.written(
            kind, stage.width(), stage.height(), stage.paint_on, title, "; ".join(sheet.details(moment))
        )
