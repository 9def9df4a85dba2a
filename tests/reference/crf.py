"""Linear-chain CRF by listing every tag sequence."""

import itertools

import numpy as np


def real_tokens(scores, row):
    """Returns the emissions of the real tokens of one row, and where they stand."""
    emissions = np.asarray(scores.emissions, "float64")[row]
    mask = np.ones(len(emissions), bool) if scores.mask is None else np.asarray(scores.mask)[row]
    return emissions[mask], np.flatnonzero(mask)


def score(scores, row, tags):
    """Returns the score of the tags of the real tokens of one row."""
    emissions, _ = real_tokens(scores, row)
    transitions, start, end = (np.asarray(x, "float64") for x in scores[1:4])
    if not len(tags):
        return 0.0
    total = start[tags[0]] + end[tags[-1]]
    total += sum(emissions[t, tag] for t, tag in enumerate(tags))
    return total + sum(transitions[i, j] for i, j in itertools.pairwise(tags))


def every_sequence(scores, row):
    """Returns all tag sequences of one row and their scores, best first."""
    count = len(real_tokens(scores, row)[0])
    sequences = list(itertools.product(range(len(scores.start)), repeat=count))
    values = np.array([score(scores, row, tags) for tags in sequences])
    order = np.argsort(-values, kind="stable")
    return [sequences[n] for n in order], values[order]


def log_partition(scores, row):
    """Returns the logarithm of the sum over all sequences."""
    values = every_sequence(scores, row)[1]
    return np.max(values) + np.log(np.sum(np.exp(values - np.max(values))))


def marginals(scores, row):
    """Returns (time, tags)."""
    sequences, values = every_sequence(scores, row)
    weights = np.exp(values - log_partition(scores, row))
    found = np.zeros(np.asarray(scores.emissions).shape[1:])
    for tags, weight in zip(sequences, weights, strict=True):
        for place, tag in zip(real_tokens(scores, row)[1], tags, strict=True):
            found[place, tag] += weight
    return found


def spread_out(scores, row, tags):
    """Returns the tags of the real tokens at their places in the row, 0 elsewhere."""
    found = np.zeros(np.asarray(scores.emissions).shape[1], int)
    found[real_tokens(scores, row)[1]] = tags
    return found
