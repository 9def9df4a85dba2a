"""Recurrent layers run step by step, with a place at every state where the gradient can be read."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
from keras import tree

from kseq.errors import UserError
from kseq.ops.unfold import unfold

Tensor = Any


@dataclasses.dataclass
class Trace:
    """What one cell went through.

    Args:
        name: of its layer, with its place in a stack; `#2` behind it where it is the second of that name.
        cell: the cell.
        backwards: whether it reads from the end.
        inputs: of each step, `(batch, features)`.
        before: the states before each step.
        probes: zeros that were added to the states before the first step and to those after each: the
            gradient with respect to them is that with respect to the states.
    """

    name: str
    cell: Any
    backwards: bool
    inputs: list[Tensor] = dataclasses.field(default_factory=list)
    before: list[list[Tensor]] = dataclasses.field(default_factory=list)
    probes: list[list[Tensor]] = dataclasses.field(default_factory=list)


@contextlib.contextmanager
def probed(model: keras.layers.Layer, tape: Any) -> Iterator[list[Trace]]:
    """Has all recurrent layers of a model run step by step and leave traces, for as long as it is open.

    Args:
        model: a model or layer.
        tape: a `tf.GradientTape` that is recording; it watches the probes.

    Yields:
        A list that fills with the traces of cells as they run, in their order.
    """
    ran: list[Trace] = []
    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.RNN):
                own = _traces(layer)
                for trace in own:
                    replaced(stack, trace.cell, "call", _call(trace, tape, ran))
                replaced(stack, layer, "inner_loop", _loop(layer, own, tape))
        yield ran


def check_ran(traces: list[Trace], model: Any) -> None:
    """Raises unless a recurrent layer of the model has run."""
    if not traces:
        raise UserError(f"`model` must run a recurrent layer, but {type(model).__name__} runs none")


def replaced(stack: contextlib.ExitStack, thing: Any, name: str, function: Any) -> None:
    """Gives an object a method of its own until the stack closes."""
    setattr(thing, name, function)
    stack.callback(delattr, thing, name)


def _traces(layer: keras.layers.RNN) -> list[Trace]:
    cells = getattr(layer.cell, "cells", [layer.cell])
    names = [f"{layer.name}/{n}" for n in range(len(cells))] if len(cells) > 1 else [layer.name]
    return [Trace(name, cell, layer.go_backwards) for name, cell in zip(names, cells, strict=True)]


def _call(trace: Trace, tape: Any, ran: list[Trace]) -> Any:
    """The cell's call with a probe behind it."""
    call = trace.cell.call

    def probing(inputs: Tensor, states: Any, *args: Any, **kwargs: Any) -> tuple:
        if not trace.inputs:
            trace.name = _unique(trace.name, [other.name for other in ran])
            ran.append(trace)
        trace.inputs.append(inputs)
        trace.before.append(tree.flatten(states))
        output, after = call(inputs, states, *args, **kwargs)
        flat = tree.flatten(after)
        moved = _with_probes(flat, trace, tape)
        if output is flat[0]:  # what goes up is what goes on
            output = moved[0]
        return output, tree.pack_sequence_as(after, moved)

    return probing


def _unique(name: str, taken: list[str]) -> str:
    """The name, with a number where layers in different places share it."""
    count = sum(other.partition("#")[0] == name for other in taken)
    return f"{name}#{count + 1}" if count else name


def _with_probes(states: list[Tensor], trace: Trace, tape: Any) -> list[Tensor]:
    probes = [keras.ops.zeros_like(state) for state in states]
    tape.watch(probes)
    trace.probes.append(probes)
    return [state + probe for state, probe in zip(states, probes, strict=True)]


def _loop(layer: keras.layers.RNN, traces: list[Trace], tape: Any) -> Any:
    cell = layer.cell
    single = not isinstance(cell.state_size, (list, tuple))

    def step(inputs: Tensor, states: Any) -> tuple:
        output, states = cell(inputs, states)
        return output, [states] if single and not isinstance(states, (list, tuple)) else list(states)

    def loop(sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False) -> tuple:
        flat, moved = tree.flatten(initial_state), []
        for trace in traces:
            count = len(tree.flatten(trace.cell.state_size))
            moved += _with_probes(flat[len(moved) : len(moved) + count], trace, tape)
        states = tree.pack_sequence_as(list(initial_state), moved)
        width = layer.compute_output_shape(sequences.shape)
        width = tree.flatten(width[0] if layer.return_state else width)[-1]
        zeros = keras.ops.zeros((sequences.shape[0], width), dtype=layer.compute_dtype)
        last, outputs, states = unfold(
            step,
            sequences,
            states,
            zeros,
            mask=mask,
            go_backwards=layer.go_backwards,
            zero_output_for_mask=layer.zero_output_for_mask,
            return_sequences=layer.return_sequences,
            unroll=True,
        )
        return last, last if outputs is None else outputs, states

    return loop
