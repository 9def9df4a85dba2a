"""Nodes and arrows in inches, and how they are drawn."""

import dataclasses
from collections.abc import Sequence
from typing import Any

Point = tuple[float, float]

#: width and height of each kind of node, and its ground
SIZES = {
    "input": (0.56, 0.56),
    "state": (0.6, 0.56),
    "states": (0.6, 0.86),
    "output": (0.56, 0.56),
    "loss": (0.5, 0.5),
    "target": (0.56, 0.56),
    "delay": (0.13, 0.13),
    "bar": (0.0, 0.3),
}
GROUNDS = {
    "input": "#E8E8E8",
    "state": "#DCEBF7",
    "states": "#DCEBF7",
    "output": "#DDF1E4",
    "loss": "#FFFFFF",
    "target": "#FBEFD5",
    "delay": "#222222",
    "bar": "#F3E3EE",
}
ROUND = ("input", "output", "loss", "target")
# Okabe and Ito's colours, one a kind of weights
COLOURS = {"W": "#0072B2", "U": "#D55E00", "V": "#009E73", "A": "#CC79A7", "B": "#B8860B"}
PLAIN = "#333333"
FONT = 9.0


@dataclasses.dataclass(frozen=True)
class Node:
    """A circle or box with a label in it.

    Args:
        x: of its middle.
        y: of its middle.
        kind: one of `SIZES`.
        label: what stands in it, of two lines for two states.
        width: where other than that of its kind.
    """

    x: float
    y: float
    kind: str
    label: str = ""
    width: float | None = None

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        width, height = SIZES[self.kind]
        return width if self.width is None else self.width, height

    def border(self, to: Point) -> Point:
        """Where a line from the middle to a point leaves it."""
        dx, dy = to[0] - self.x, to[1] - self.y
        half = self.size[0] / 2, self.size[1] / 2
        if self.kind in ROUND:
            scale = 1 / max(((dx / half[0]) ** 2 + (dy / half[1]) ** 2) ** 0.5, 1e-9)
        else:
            scale = min(h / abs(d) if d else float("inf") for h, d in zip(half, (dx, dy), strict=True))
        return self.x + dx * min(scale, 1), self.y + dy * min(scale, 1)


@dataclasses.dataclass(frozen=True)
class Edge:
    """An arrow along points, with round corners.

    Args:
        points: from its start to its head.
        symbol: of its weights, None for none.
        label: whether the symbol stands beside it, at its longest piece.
        at: how far along that piece, from 0 to 1.
        left: whether it stands on the left of an upright piece.
        head: whether it has a head.
    """

    points: tuple[Point, ...]
    symbol: str | None = None
    label: bool = False
    at: float = 0.5
    left: bool = False
    head: bool = True


@dataclasses.dataclass
class Diagram:
    """A picture before it is drawn."""

    nodes: list[Node] = dataclasses.field(default_factory=list)
    edges: list[Edge] = dataclasses.field(default_factory=list)
    texts: list[tuple[float, float, str]] = dataclasses.field(default_factory=list)

    def node(self, x: float, y: float, kind: str, label: str = "", width: float | None = None) -> Node:
        """Adds a node."""
        self.nodes.append(Node(x, y, kind, label, width))
        return self.nodes[-1]

    def connect(
        self,
        start: Node | Point,
        end: Node | Point,
        symbol: str | None = None,
        via: Sequence[Point] = (),
        **options: Any,
    ) -> None:
        """Adds an arrow from border to border, round corners at the points on its way."""
        first = (end.x, end.y) if isinstance(end, Node) else end
        last = (start.x, start.y) if isinstance(start, Node) else start
        if via:
            first, last = via[0], via[-1]
        begin = start.border(first) if isinstance(start, Node) else start
        finish = end.border(last) if isinstance(end, Node) else end
        self.edges.append(Edge((begin, *via, finish), symbol, **options))

    def extent(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of all nodes, arrows and texts."""
        xs, ys = [], []
        for node in self.nodes:
            width, height = node.size
            xs += [node.x - width / 2, node.x + width / 2]
            ys += [node.y - height / 2, node.y + height / 2]
        points = [point for edge in self.edges for point in edge.points]
        points += [(x, y) for x, y, _ in self.texts]
        return (
            min(xs + [x for x, _ in points]),
            min(ys + [y for _, y in points]),
            max(xs + [x for x, _ in points]),
            max(ys + [y for _, y in points]),
        )

    def draw(self, axes: Any) -> None:
        """Draws everything on matplotlib axes whose unit is an inch."""
        for edge in self.edges:
            _draw_edge(axes, edge)
        for node in self.nodes:
            _draw_node(axes, node)
        for x, y, text in self.texts:
            axes.text(x, y, text, ha="center", va="center", fontsize=FONT, color=PLAIN)


def colour(symbol: str | None) -> str:
    """The colour of weights."""
    return PLAIN if symbol is None else COLOURS.get(symbol.partition("_")[0], PLAIN)


def mathematical(symbol: str, index: str = "") -> str:
    """A symbol such as `h_2` as matplotlib sets formulas, with the time behind it."""
    letter, _, number = symbol.partition("_")
    return f"${letter}{f'_{{{number}}}' if number else ''}{f'({index})' if index else ''}$"


def _draw_node(axes: Any, node: Node) -> None:
    from matplotlib.patches import Ellipse, FancyBboxPatch, Rectangle

    width, height = node.size
    corner = node.x - width / 2, node.y - height / 2
    style = {"facecolor": GROUNDS[node.kind], "edgecolor": PLAIN, "linewidth": 0.9, "zorder": 3}
    if node.kind in ROUND:
        patch = Ellipse((node.x, node.y), width, height, **style)
    elif node.kind == "delay":
        patch = Rectangle(corner, width, height, **style)
    else:
        shape = "round,pad=0,rounding_size=0.1"
        patch = FancyBboxPatch(corner, width, height, boxstyle=shape, mutation_aspect=1, **style)
    axes.add_patch(patch)
    lines = node.label.split("\n")
    for n, line in enumerate(lines):
        y = node.y + height * (0.5 - (n + 0.5) / len(lines)) * (0.92 if len(lines) > 1 else 1)
        axes.text(node.x, y, line, ha="center", va="center", fontsize=FONT, color="#111111", zorder=4)


def _draw_edge(axes: Any, edge: Edge) -> None:
    from matplotlib.patches import FancyArrowPatch

    axes.add_patch(
        FancyArrowPatch(
            path=_rounded(edge.points),
            arrowstyle="-|>,head_length=4,head_width=2" if edge.head else "-",
            color=colour(edge.symbol),
            linewidth=1.2,
            fill=False if not edge.head else None,
            zorder=2,
        )
    )
    if edge.label and edge.symbol:
        x, y, upright = _beside(edge)
        axes.text(
            x,
            y,
            mathematical(edge.symbol),
            ha=("right" if edge.left else "left") if upright else "center",
            va="center" if upright else "bottom",
            fontsize=FONT,
            color=colour(edge.symbol),
        )


def _beside(edge: Edge) -> tuple[float, float, bool]:
    """Where the symbol of an arrow stands, and whether the piece beside it is upright."""
    pieces = list(zip(edge.points[:-1], edge.points[1:], strict=True))
    (x0, y0), (x1, y1) = max(pieces, key=lambda p: (p[1][0] - p[0][0]) ** 2 + (p[1][1] - p[0][1]) ** 2)
    x, y = x0 + edge.at * (x1 - x0), y0 + edge.at * (y1 - y0)
    upright = abs(y1 - y0) > abs(x1 - x0)
    return (x + (-0.06 if edge.left else 0.06), y, True) if upright else (x, y + 0.05, False)


def _rounded(points: Sequence[Point], radius: float = 0.1) -> Any:
    """A path whose corners are arcs."""
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points[:-2], points[1:-1], points[2:], strict=True):
        vertices += [_toward(corner, before, radius), corner, _toward(corner, after, radius)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*vertices, points[-1]], [*codes, Path.LINETO])


def _toward(start: Point, end: Point, distance: float) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = max((dx * dx + dy * dy) ** 0.5, 1e-9)
    share = min(distance / length, 0.5)
    return start[0] + share * dx, start[1] + share * dy
