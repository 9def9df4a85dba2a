"""What the picture of a recurrent network shows, apart from where it is drawn."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Parameter:
    """Weights that every step shares.

    Args:
        symbol: as the equations call them, such as `W_2`; its letter decides the colour.
        name: as the layer calls them.
        shape: theirs, as text.
    """

    symbol: str
    name: str
    shape: str = ""


@dataclasses.dataclass(frozen=True)
class Direction:
    """One recurrent layer read in one direction.

    Args:
        states: symbols of what a step hands to the next, the output first: `("h",)`, `("h", "c")`.
        reads: symbol of the weights on its input.
        recurs: symbol of the weights on the state that comes back.
        backwards: whether it reads from the end.
    """

    states: tuple[str, ...]
    reads: str | None
    recurs: str | None
    backwards: bool = False


Level = tuple[Direction, ...]


@dataclasses.dataclass(frozen=True)
class Network:
    """A recurrent network.

    Args:
        title: a line above the picture.
        levels: from the input up: the direction of each layer, or both directions.
        parameters: all weights, in the order of the legend.
        inputs: which steps have one: `"every"`, or `"once"`, one for all steps.
        symbol: of the inputs.
        output: symbol of the weights of the output layer, None where the states are the outputs.
        outputs: which steps have an output: `"every"` or `"last"`; or what makes one of the states of all
            steps, such as `"max pooling"`.
        chain: symbol of the weights between neighbouring outputs (CRF), or None.
        feedback: None where the states come back; `"output"` where the output of the step before does in
            their place, `"target"` where the true output does (teacher forcing).
        fed: the same for what the inputs are; None: inputs are given.
        context: what was read first, another network, or the name of what is given in its place.
        bridge: symbol of the weights from there to the first states.
        summary: how the states of the context become one vector, `"last"` or `"mean"`.
        attention: whether each step looks at all states of the context.
    """

    title: str
    levels: tuple[Level, ...]
    parameters: tuple[Parameter, ...] = ()
    inputs: str = "every"
    symbol: str = "x"
    output: str | None = None
    outputs: str = "every"
    chain: str | None = None
    feedback: str | None = None
    fed: str | None = None
    context: Network | str | None = None
    bridge: str | None = None
    summary: str = "last"
    attention: bool = False

    @property
    def pooled(self) -> bool:
        """Whether one output is made of all steps."""
        return self.outputs not in ("every", "last")

    @property
    def pattern(self) -> str:
        """What is made of what, in words."""
        if self.context is not None:
            pattern = "encoder and decoder" if isinstance(self.context, Network) else "one to many"
            return f"{pattern}, with attention" if self.attention else pattern
        start = "one" if self.inputs == "once" else "many"
        words = [f"{start} to {'many' if self.outputs == 'every' else 'one'}"]
        words += [f"{len(self.levels)} layers"] if len(self.levels) > 1 else []
        words += ["in both directions"] if any(len(level) == 2 for level in self.levels) else []
        fed = {"output": "the output feeds back", "target": "teacher forcing"}
        return ", ".join([*words, *([fed[self.feedback]] if self.feedback else [])])
