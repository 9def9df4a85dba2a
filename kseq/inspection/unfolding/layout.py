"""From a network to a diagram: the recurrent form, and the graph of so many steps."""

from __future__ import annotations

from kseq.inspection.unfolding.diagram import SIZES, Diagram, Node, Point, mathematical
from kseq.inspection.unfolding.network import Direction, Level, Network
from kseq.inspection.unfolding.rows import Rows, kind_of, rows_of

COLUMN, WIDE = 1.12, 1.45  # inches from step to step; where other arrows pass between
ASIDE = 0.36  # how far the two directions of a layer stand from the middle of their column
LOOP = 0.46  # how far a loop reaches out
CORRIDOR = 0.45  # how far left of a column feedback comes down

Place = Node | Point
Row = list[Place]  # one a step


def recurrent_form(network: Network) -> Diagram:
    """One column for all steps: what comes back from the step before goes through a delay."""
    return _Layout(network, None).diagram


def unfolded_graph(network: Network, steps: int) -> Diagram:
    """A column for each step, the same weights in all of them."""
    return _Layout(network, steps).diagram


class _Layout:
    """Puts a network down once; `steps` is None for the recurrent form."""

    def __init__(self, network: Network, steps: int | None):
        self.diagram = Diagram()
        self.folded = steps is None
        self.steps = 1 if steps is None else steps
        self.network = network
        self.rows = rows_of(network)
        self.read: list[Row] = []  # the states of what was read first, by direction
        start = 0.0
        if isinstance(network.context, Network):
            self.read, inputs = self._columns(network.context, rows_of(network.context), 0.0, -1)
            both = len(network.context.levels[-1]) == 2
            start = inputs[-1].x + (3.3 if both else 2.2)
        elif network.context:
            y, wide = self.rows.levels[0][0], 0.3 + 0.075 * len(network.context)
            self.read = [[self.diagram.node(0.0, y, "bar", network.context, wide)]]
            start = 1.6
        self.xs = [start + n * _column(network) for n in range(self.steps)]
        self.first: list[list[Node]] = []  # by level the node of each direction that begins
        self.first_row: list[Node] = []  # the nodes of the first direction of the first level
        tops, inputs = self._columns(network, self.rows, start)
        if network.context:
            self._context(start - 1.1)
        outputs, targets = self._above(tops)
        self._feedback(inputs, outputs, targets)

    def _columns(
        self, network: Network, rows: Rows, left: float, side: int = 1
    ) -> tuple[list[Row], list[Node]]:
        """Inputs and states, loops on one side; gives what stands on top, by direction, and the inputs."""
        xs = [left + n * _column(network) for n in range(self.steps)]
        inputs = self._inputs(network, xs)
        below: list[Row] = [inputs if len(inputs) > 1 else inputs * self.steps]
        self.first, self.first_row = [], []
        for n, (level, heights) in enumerate(zip(network.levels, rows.levels, strict=True)):
            below = self._level(network, level, heights, below, xs, side)
            if network.attention and n == 0:
                below = [self._attention(below, xs)]
        return below, inputs

    def _inputs(self, network: Network, xs: list[float]) -> list[Node]:
        if network.inputs == "once":
            middle = (xs[0] + xs[-1]) / 2
            return [self.diagram.node(middle, 0.0, "input", mathematical(network.symbol))]
        first = 0 if network.fed else 1
        return [
            self.diagram.node(x, 0.0, "input", self._label(network.symbol, t + first))
            for t, x in enumerate(xs)
        ]

    def _label(self, symbol: str, t: int) -> str:
        return mathematical(symbol, "" if self.folded else str(t))

    def _level(
        self,
        network: Network,
        level: Level,
        heights: list[float],
        below: list[Row],
        xs: list[float],
        side: int,
    ) -> list[Row]:
        rows: list[Row] = []
        for n, (direction, y) in enumerate(zip(level, heights, strict=True)):
            aside = 0.0 if len(level) == 1 else (-ASIDE, ASIDE)[n]
            nodes = []
            for t, x in enumerate(xs):
                label = "\n".join(self._label(symbol, t + 1) for symbol in direction.states)
                nodes.append(self.diagram.node(x + aside, y, kind_of(direction), label))
                for row in below:
                    way = {"label": t == 0 and row is below[-1], "left": aside < 0}
                    if aside > 0:  # past the other direction
                        way |= {"via": [(x + aside, heights[0] - 0.52)], "at": 0.15}
                    self.diagram.connect(row[t], nodes[-1], direction.reads, **way)
            if network.feedback is None:
                outward = side if len(level) == 1 else (-1, 1)[n]
                self._onward(network, direction, nodes, outward)
            rows.append(nodes)
        self.first_row = self.first_row or rows[0]
        self.first.append([row[-1 if d.backwards else 0] for d, row in zip(level, rows, strict=True)])
        return rows

    def _onward(self, network: Network, direction: Direction, nodes: list[Node], side: int) -> None:
        """What each step hands to the next."""
        for n, state in enumerate(direction.states):
            line = 0.0 if len(direction.states) == 1 else (0.5 - n) * 0.46 * SIZES["states"][1]
            symbol = direction.recurs if n == 0 else None
            if self.folded:
                self._loop(nodes[0], line, symbol, side)
                continue
            order, ahead = (nodes[::-1], -1) if direction.backwards else (nodes, 1)
            half, y = ahead * order[0].size[0] / 2, order[0].y + line
            named = self.steps - 2 if direction.backwards else 0  # the leftmost
            at = 0.5 if _column(network) == COLUMN else 0.75 if direction.backwards else 0.3
            for t, (a, b) in enumerate(zip(order[:-1], order[1:], strict=True)):
                self.diagram.connect((a.x + half, y), (b.x - half, y), symbol, label=t == named, at=at)
            if network.context is None:
                index = str(self.steps + 1) if direction.backwards else "0"
                self._beginning(order[0], y, ahead, mathematical(state, index))

    def _beginning(self, first: Node, y: float, ahead: int, label: str, symbol: str | None = None) -> None:
        border = first.x - ahead * first.size[0] / 2
        self.diagram.connect((border - ahead * 0.24, y), (border, y), symbol)
        self.diagram.texts.append((border - ahead * 0.5, y, label))

    def _loop(self, node: Node, line: float, symbol: str | None, side: int) -> None:
        """Out of a node, through a delay and back into it."""
        border, y = node.x + side * node.size[0] / 2, node.y + line
        far = border + side * LOOP
        corners = [(far, y + 0.11), (far, y - 0.11)]
        self.diagram.connect((border, y + 0.11), (border, y - 0.11), symbol, corners)
        self.diagram.node(far, y, "delay")
        if symbol:
            self.diagram.texts.append((far + side * 0.24, y, mathematical(symbol)))

    def _bar(self, xs: list[float], y: float, label: str, kind: str = "bar") -> Node:
        width = max(xs) - min(xs) + 0.9
        return self.diagram.node((min(xs) + max(xs)) / 2, y, kind, label, max(width, 0.085 * len(label)))

    def _onto(self, rows: list[Row], bar: Node) -> None:
        """Straight up from each place to a bar."""
        for place in (place for row in rows for place in row):
            x = place.x if isinstance(place, Node) else place[0]
            self.diagram.connect(place, (x, bar.y - bar.size[1] / 2))

    def _attention(self, asking: list[Row], xs: list[float]) -> Row:
        """The bar between those that ask and what hears the answer; gives its upper edge."""
        all_xs = [node.x for row in (*self.read, *asking) for node in row]
        bar = self._bar(all_xs, self.rows.attention, "attention")
        if self.rows.memory is None:
            self._onto(self.read, bar)
        self._onto(asking, bar)
        return [(x, bar.y + bar.size[1] / 2) for x in xs]

    def _context(self, x: float) -> None:
        """From what was read to the first states."""
        summary = self.read[0][0]
        if isinstance(self.network.context, Network):
            summary = self.diagram.node(x, summary.y, "state", "$s$")
            self._summary(summary, self.network.context.levels[-1])
        for n, level in enumerate(self.first):
            self.diagram.connect(summary, level[0], self.network.bridge, label=n == 0)

    def _summary(self, summary: Node, level: Level) -> None:
        """From the states that were read to one vector."""
        if self.rows.memory is not None:
            xs = [node.x for row in self.read for node in row]
            bar = self._bar(xs, self.rows.memory, "memory, and its mean")
            self._onto(self.read, bar)
            self.diagram.connect(bar, summary, via=[(summary.x, bar.y)])
            if self.rows.attention is not None:
                self.diagram.connect(bar, (bar.x, self.rows.attention - SIZES["bar"][1] / 2))
            return
        for direction, row in zip(level, self.read, strict=True):
            last = row[0 if direction.backwards else -1]
            if not direction.backwards:
                self.diagram.connect(last, summary)
                continue
            edge = last.y + last.size[1] / 2
            corners = [(last.x - 0.15, edge + 0.16), (summary.x, edge + 0.16)]
            self.diagram.connect((last.x - 0.15, edge), summary, via=corners)

    def _above(self, tops: list[Row]) -> tuple[list[Place], list[Node]]:
        """Pooling, outputs, losses and targets; gives outputs and targets."""
        network, rows = self.network, self.rows
        columns = {t: [row[t] for row in tops] for t in range(self.steps)}
        xs = dict(enumerate(self.xs))
        if network.pooled:
            bar = self._bar([n.x for row in tops for n in row], rows.pool, network.outputs)
            self._onto(tops, bar)
            columns, xs = {-1: [(bar.x, bar.y + bar.size[1] / 2)]}, {-1: bar.x}
        elif network.outputs == "last":
            columns = {self.steps - 1: columns[self.steps - 1]}
        outputs: list[Place] = []
        for t, below in columns.items():
            if rows.outputs is None:
                outputs.append(below[0])
                continue
            label = mathematical("o") if t < 0 else self._label("o", t + 1)
            outputs.append(self.diagram.node(xs[t], rows.outputs, "output", label))
            for place in below:
                named = len(outputs) == 1 and place is below[-1]
                past = self._past(place, below)
                self.diagram.connect(place, outputs[-1], network.output, past, label=named)
        above = outputs if rows.outputs is not None else [p for places in columns.values() for p in places]
        targets = self._losses(list(columns), [xs[t] for t in columns], above)
        return outputs, targets

    def _losses(self, columns: list[int], xs: list[float], below: list[Place]) -> list[Node]:
        rows = self.rows
        chain = self.network.chain
        if chain:
            bar = self._bar(xs, rows.losses, r"$L = -\log p(y\,|\,x)$")
            self._onto([below], bar)
            self._chain(below, chain)
        targets = []
        for t, x in zip(columns, xs, strict=True):
            of_target, of_loss = (mathematical(s) if t < 0 else self._label(s, t + 1) for s in "yL")
            target = self.diagram.node(x, rows.targets, "target", of_target)
            targets.append(target)
            if chain:
                self.diagram.connect(target, (x, rows.losses + SIZES["bar"][1] / 2))
                continue
            loss = self.diagram.node(x, rows.losses, "loss", of_loss)
            self.diagram.connect(target, loss)
            own = below if len(columns) == 1 else [p for p in below if self._column(p) == t]
            for place in own:
                self.diagram.connect(place, loss, via=self._past(place, own))
        return targets

    def _past(self, place: Place, others: list[Place]) -> list[Point]:
        """The way from the lower of two directions past the upper one."""
        if len(others) < 2 or place is others[-1]:
            return []
        return [(place.x, others[-1].y + others[-1].size[1] / 2 + 0.06)]

    def _column(self, place: Place) -> int:
        x = place.x if isinstance(place, Node) else place[0]
        return min(range(self.steps), key=lambda t: abs(self.xs[t] - x))

    def _chain(self, outputs: list[Place], symbol: str) -> None:
        """Neighbouring outputs are scored together."""
        if self.folded:
            self._loop(outputs[0], 0.0, symbol, 1)
        for n, (a, b) in enumerate(zip(outputs[:-1], outputs[1:], strict=True)):
            self.diagram.connect(a, b, symbol, label=n == 0, head=False)

    def _feedback(self, inputs: list[Node], outputs: list[Place], targets: list[Node]) -> None:
        """From the output or the target of each step to the next, down a corridor."""
        network = self.network
        source = network.feedback or network.fed
        if source is None:
            return
        starts = outputs if source == "output" else targets
        ends = inputs if network.fed else self.first_row
        symbol = None if network.fed else network.levels[0][0].recurs
        pairs = [(starts[0], ends[0])] if self.folded else zip(starts[:-1], ends[1:], strict=True)
        for n, (start, end) in enumerate(pairs):
            right = start.x + 1.3 if self.folded else end.x - end.size[0] / 2 - CORRIDOR / 2
            if self.folded and network.feedback:
                right = start.x + 0.85
            corners = [(right, start.y), (right, end.y)]
            self.diagram.connect(start, end, symbol, corners, label=n == 0)
            if self.folded:
                self.diagram.node(right, start.y - 0.3, "delay")
        if network.feedback and not self.folded:
            label = mathematical("o" if source == "output" else "y", "0")
            self._beginning(ends[0], ends[0].y, 1, label, symbol)


def _column(network: Network) -> float:
    """Inches from step to step."""
    crowded = network.feedback or network.fed or any(len(level) == 2 for level in network.levels)
    return WIDE if crowded else COLUMN
