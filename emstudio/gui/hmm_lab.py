"""The laboratory of hidden Markov chains: the series over its paths on one time, beside them transitions and estimates.

lab = HmmLab(session, refresher)
lab.series, lab.strips          what is drawn along time; `lab.span` is the part of it that both show
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.marks import View
from emstudio.gui.chain_numbers import is_chain
from emstudio.gui.form import combo
from emstudio.gui.page import Page
from emstudio.gui.refresh import REFRESH, Refresher
from emstudio.gui.series_scene import EMPTY, Scene
from emstudio.gui.series_source import Source
from emstudio.gui.series_span import Span
from emstudio.gui.series_view import COLOURS, SeriesView
from emstudio.gui.strips import Strips
from emstudio.gui.strips_flip import FlipCard, written
from emstudio.gui.widgets import IconButton, hline, text
from emstudio.session import Session

SIDE = 232  # px of the right column
_LEAST = 396  # px of height that all of it needs; a lower window scrolls
_MARKED = 450  # ms that a site which has just flipped stays marked


class _Side(QWidget):
    """A column of a height of its own: words that wrap do not ask the laboratory for more."""

    def hasHeightForWidth(self) -> bool:
        return False


class HmmLab(Page):
    """What the window's middle shows of a chain."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__("hmm_lab", parent)
        self._session = session
        self._moment = session.moment
        self._sweep: object = session.sweep
        self.scene: Scene = EMPTY
        self.span = Span(self)
        self.source = Source(session, self)
        self.series = SeriesView(session, self.span)
        self.strips = Strips(self.span)
        self.series.catch_up = lambda: self._show(session.moment)
        self.strips.keys = self.series.editor.press_key
        self.head = self._make_head()
        self._inner = QWidget()
        row = QHBoxLayout(self._inner)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._time = QWidget()
        column = QVBoxLayout(self._time)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.series, 44)
        column.addWidget(self.strips, 56)
        row.addWidget(self._time, 1)
        self.side = self._make_side(session, refresher)
        row.addWidget(self.side)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._inner)
        area.viewport().setAutoFillBackground(False)
        self._inner.setAutoFillBackground(False)
        self._inner.setMinimumHeight(_LEAST)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        self.card = FlipCard(self)
        self._fading = QTimer(self, singleShot=True, interval=_MARKED)
        self._fading.timeout.connect(self._unmark)
        self._late = False  # a sweep came while the one before was being looked at
        self._pace = QTimer(self, singleShot=True, interval=round(REFRESH * 1000))
        self._pace.timeout.connect(self._on_pace)
        self.setFocusProxy(self.series)
        self._connect(session, refresher)
        self._show(session.moment)

    def _connect(self, session: Session, refresher: Refresher) -> None:
        self.series.picked.connect(self._on_picked)
        self.series.hovered.connect(self.hovered)
        self.series.component_picked.connect(self.component_picked)
        self.strips.picked.connect(self.series.pick_row)
        self.strips.hovered.connect(self.hovered)
        self.strips.cell_pointed.connect(lambda cell: self._show_card())
        self.strips.cell_picked.connect(lambda cell: self._show_card())
        self.span.moved.connect(self._show_card)
        refresher.draw.connect(self._show)
        self.source.found.connect(lambda: self._show(self._moment))
        session.sweep_changed.connect(self._on_sweep)
        session.data_changed.connect(self._on_data)

    def _make_head(self) -> QWidget:
        head = QWidget()
        head.setFixedHeight(38)
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 4, 10, 0)
        row.setSpacing(4)
        title = text("Series", "title")
        row.addWidget(title)
        row.addSpacing(6)
        words = QLabel("coloured by")
        words.setProperty("role", "label")
        row.addWidget(words)
        self.colour_box = combo("colour_series_by")
        self.colour_box.setAccessibleName("What colours the series")
        self.colour_box.setToolTip("Colour the points by the posterior of the states, or by a path")
        self.colour_box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.colour_box.setFixedSize(118, 30)
        self.colour_box.activated.connect(lambda i: self.series.set_colour_by(self.colour_box.itemData(i)))
        row.addWidget(self.colour_box)
        row.addStretch(1)
        self.series_box = combo("which_series")
        self.series_box.setAccessibleName("Which series")
        self.series_box.setToolTip("All series beside each other, or one of them")
        self.series_box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.series_box.setFixedSize(112, 30)
        self.series_box.activated.connect(lambda i: self.span.choose(self.series_box.itemData(i)))
        row.addWidget(self.series_box)
        self.fewer = IconButton("minus", "Take the last step of the series away")
        self.fewer.setObjectName("remove_step")
        self.fewer.clicked.connect(self.series.editor.remove_step)
        self.more = IconButton("plus", "Add a step at the end of the series")
        self.more.setObjectName("add_step")
        self.more.clicked.connect(self.series.editor.add_step)
        for button in (self.fewer, self.more):
            button.setFixedSize(28, 28)
            row.addWidget(button)
        return head

    def _make_side(self, session: Session, refresher: Refresher) -> QWidget:
        from emstudio.gui.estimates_view import EstimatesView
        from emstudio.gui.transitions_view import TransitionsView

        self.transitions = TransitionsView(session, refresher)
        self.estimates = EstimatesView(session, refresher)
        side = _Side()
        side.setFixedWidth(SIDE)
        row = QHBoxLayout(side)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        rule = QFrame()
        rule.setProperty("hairline", True)
        rule.setFixedWidth(1)
        row.addWidget(rule)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.transitions, 2)
        column.addWidget(hline())
        column.addWidget(self.estimates, 5)
        row.addLayout(column, 1)
        return side

    # -- what is shown -------------------------------------------------------------------------------------------------
    def set_view(self, view: View) -> None:
        """Show the column of the view against time."""
        self.series.set_column(view.columns[0] if view.columns else 0)

    def _on_data(self, data: object) -> None:
        """Steps of another series are other steps: none of them is picked or pointed at."""
        node = self._session.history.current
        if node is not None and node.cause == "load":
            self.strips.pin(None)
            self.span.hover(None)
            self.series.pick_row(None)

    def _on_sweep(self, sweep: object) -> None:
        """A sweep of a sampled E-step is shown, or (None) the moment itself again."""
        self._sweep = sweep
        if sweep is None:
            self._pace.stop()
            self._show(self._session.moment)
        elif self._pace.isActive():
            self._late = True
        else:
            self._show_sweep()

    def _show_sweep(self) -> None:
        self._late = False
        self._pace.start()
        self._show(self._session.moment)

    def _on_pace(self) -> None:
        if self._late and self._sweep is not None:
            self._show_sweep()

    def _show(self, moment: Moment) -> None:
        if not is_chain(moment.model):
            return
        self._moment = moment
        scene = self.source.scene(moment, self._sweep)
        if scene.values is not self.scene.values:
            self.span.set_series(scene.offsets, scene.times, hold=self._session.in_gesture)
            self._fill_series()
        self.scene = scene
        self._fill_colours(scene)
        self.series.show_scene(scene)
        self.strips.show_scene(scene)
        aside = scene.drawn is not None and not scene.drawn.used
        self.estimates.show_aside(scene.drawn.states if aside and scene.drawn is not None else None)
        if not self._session.in_gesture:
            self.series.editor.make_room()
            self.span.settle()
        self.fewer.setEnabled(scene.n > 0)
        if scene.drawn is not None and scene.drawn.flipped is not None:
            self._fading.start()
        self._show_card()

    def _unmark(self) -> None:
        """What flipped in the last sweep has been seen."""
        self.strips.unmark()

    def _fill_colours(self, scene: Scene) -> None:
        wanted = [(words, key) for key, words in COLOURS if key != "truth" or scene.truth is not None]
        box = self.colour_box
        if [box.itemData(i) for i in range(box.count())] != [key for _, key in wanted]:
            with QSignalBlocker(box):
                box.clear()
                for words, key in wanted:
                    box.addItem(words, key)
                at = box.findData(self.series.colour_by)
                box.setCurrentIndex(max(at, 0))
            if at < 0:
                self.series.set_colour_by(box.itemData(0))

    def _fill_series(self) -> None:
        box, count = self.series_box, self.span.count
        box.setVisible(count > 1)
        with QSignalBlocker(box):
            if box.count() != (count + 1 if count > 1 else 0):
                box.clear()
                if count > 1:
                    box.addItem("all series", None)
                    for s in range(count):
                        box.addItem(f"series {s + 1}", s)
            if count > 1:
                box.setCurrentIndex(0 if self.span.chosen is None else self.span.chosen + 1)

    def _show_card(self) -> None:
        """The change of the site pointed at, or else of the one clicked, written out."""
        cell = self.strips.cell or self.strips.pinned
        scene, moment = self.scene, self._moment
        drawn = scene.drawn
        known = cell is not None and drawn is not None and cell[0] < drawn.chains and cell[1] < scene.n
        if not known or moment.snapshot.params is None or moment.data.n != scene.n:
            self.card.show_at(None, QRectF())
            return
        assert cell is not None and drawn is not None
        where = f"{self.span.name(cell[1])} of draw {cell[0] + 1}"
        words = written(self.source.origin(moment, self._sweep), drawn.states[:, cell[0]], cell[1], where)
        box = self.strips.cell_box(*cell)
        corner = self.strips.mapTo(self, box.topLeft().toPoint())
        self.card.show_at(words, QRectF(QPointF(corner), box.size()))

    # -- as a page of the stage ----------------------------------------------------------------------------------------
    def pick_row(self, row: int | None) -> None:
        """Pick a step; `picked` follows."""
        self.series.pick_row(row)

    def pick_component(self, k: int | None) -> None:
        """Ring a state's letter."""
        self.series.pick_component(k)

    def delete_selected(self) -> None:
        """Take the picked step away (inside of a series it becomes unobserved)."""
        self.series.editor.delete()

    def set_tool(self, name: str) -> None:
        """Draw the series with the tool `name` of the canvas."""
        self.series.editor.set_tool(name)

    def set_brush(self, pixels: int) -> None:
        self.series.editor.brush = pixels

    def fit(self) -> None:
        """Show all of the time, and all values."""
        self.series.fit()

    def set_motion(self, on: bool) -> None:
        """Whether changes are seen on their way."""
        self.series.set_motion(on)

    def _on_picked(self, row: int | None) -> None:
        self.strips.setAccessibleDescription(self.strips.words())
        self.picked.emit(row)
        self.selection_changed.emit(0 if row is None else 1)

    def sizeHint(self) -> QSize:
        return QSize(688, 470)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.side.setFixedWidth(SIDE if self.width() < 900 else min(round(self.width() * 0.3), 340))
        self._show_card()
