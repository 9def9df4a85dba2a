"""Decoding by its definitions: every sequence listed, and beam search over lists.

A model is a function from the ids written so far, a tuple, to the log-probabilities of the next one.
"""

import collections
import math

import numpy as np

Found = collections.namedtuple("Found", ["ids", "score", "log_prob"])


def every_sequence(model, length, eos_id):
    """Returns all sequences that end, or have full length, with their log-probabilities."""
    done, beginnings = [], [((), 0.0)]
    while beginnings:
        ids, total = beginnings.pop()
        if len(ids) == length or (ids and ids[-1] == eos_id):
            done.append((ids, total))
            continue
        for k, log_prob in enumerate(model(ids)):
            if log_prob > -math.inf:
                beginnings.append(((*ids, k), total + log_prob))
    return done


def best_sequences(model, length, eos_id, score, count):
    """Returns the best of all sequences."""
    found = [Found(ids, score(ids, p), p) for ids, p in every_sequence(model, length, eos_id)]
    return sorted(found, key=lambda f: -f.score)[:count]


def beam_search(model, length, eos_id, score, count, beam_size, num_groups=1, diversity=0.0):
    """Returns what a search of limited breadth finds, and does not stop early."""
    width = beam_size // num_groups
    pools = [[] for _ in range(num_groups)]
    beams = [[((), 0.0, 0.0)] for _ in range(num_groups)]  # ids, log-probability, rank
    for _ in range(length):
        taken = collections.Counter()
        for group in range(num_groups):
            candidates = []
            for ids, total, rank in beams[group]:
                for k, log_prob in enumerate(model(ids)):
                    if log_prob > -math.inf:
                        worth = rank + log_prob - diversity * taken[k]
                        candidates.append(((*ids, k), total + log_prob, worth))
            candidates.sort(key=lambda c: -c[2])
            pools[group] += [c for c in candidates[:width] if c[0][-1] == eos_id]
            beams[group] = [c for c in candidates if c[0][-1] != eos_id][:width]
            taken.update(ids[-1] for ids, *_ in beams[group])
    found = []
    for pool, rest in zip(pools, beams, strict=True):
        scored = [Found(ids, score(ids, p), p) for ids, p, _ in [*pool, *rest]]
        found += sorted(scored, key=lambda f: -f.score)[: min(count, width) if num_groups > 1 else count]
    return sorted(found, key=lambda f: -f.score)[:count]


# length penalties


def log_probability(log_prob, length):
    return log_prob


def power(alpha):
    return lambda log_prob, length: log_prob / length**alpha


def gnmt(alpha):
    return lambda log_prob, length: log_prob / ((5 + length) / 6) ** alpha


def scorer(penalty=log_probability, attention=None, beta=0.0):
    """Returns `score(ids, log_prob)`; `attention(ids, t)` is what step t attended to, one weight a token."""

    def score(ids, log_prob):
        value = penalty(log_prob, len(ids))
        if attention is not None:
            total = sum(attention(ids, t) for t in range(len(ids)))
            value += beta * sum(math.log(max(min(x, 1.0), 1e-9)) for x in total)
        return value

    return score


# constraints: functions of the log-probabilities and of the ids so far


def banned(*ids):
    return lambda log_probs, so_far: without(log_probs, ids)


def min_length(length, eos_id):
    return lambda log_probs, so_far: without(log_probs, [eos_id] if len(so_far) < length else [])


def forced_prefix(prefix):
    def only(log_probs, so_far):
        forced = prefix[len(so_far)] if len(so_far) < len(prefix) else 0
        return without(log_probs, [k for k in range(len(log_probs)) if forced not in (0, k)])

    return only


def repetition_penalty(penalty):
    def penalised(log_probs, so_far):
        return np.array([p * penalty if k in so_far else p for k, p in enumerate(log_probs)])

    return penalised


def no_repeated_ngrams(size):
    def unrepeated(log_probs, so_far):
        there = {so_far[n : n + size] for n in range(len(so_far) - size + 1)}
        start = so_far[len(so_far) - size + 1 :] if len(so_far) >= size - 1 else None
        return without(
            log_probs, [k for k in range(len(log_probs)) if start is not None and (*start, k) in there]
        )

    return unrepeated


def without(log_probs, ids):
    log_probs = np.array(log_probs, "float64")
    log_probs[list(ids)] = -math.inf
    return log_probs


def constrained(model, *constraints):
    """Returns the model under constraints."""

    def under(so_far):
        log_probs = model(so_far)
        for constraint in constraints:
            log_probs = constraint(log_probs, so_far)
        return log_probs

    return under
