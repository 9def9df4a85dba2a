"""Finding out which dropout masks a layer has drawn, from its output alone."""

import itertools

import numpy as np

from tests.reference import loop


def possible_masks(rate, width):
    """Returns all masks over `width` features; with a rate of zero, ones alone."""
    values = (0.0, 1.0 / (1.0 - rate)) if rate else (1.0,)
    return [np.array(mask) for mask in itertools.product(values, repeat=width)]


def masks_that_explain(case, cell, x, states, output, dropout, recurrent_dropout):
    """Returns, row by row, every pair of masks, constant over time, that gives `output`."""
    found = [[] for _ in x]
    for input_mask, recurrent_mask in itertools.product(
        possible_masks(dropout, x.shape[-1]), possible_masks(recurrent_dropout, output.shape[-1])
    ):
        twin = case.twin_of(cell, recurrent_mask=recurrent_mask)
        candidate, *_ = loop.run(twin, x * input_mask, states)
        for row in range(len(x)):
            if np.allclose(candidate[row], output[row], rtol=1e-3, atol=1e-5):
                found[row].append((tuple(input_mask), tuple(recurrent_mask)))
    return found
