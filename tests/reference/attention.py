"""NumPy twin of attention, one query and one position after the other.

additive    v . tanh(W q + U m + w s)      Bahdanau et al., 2015; s, what a position has had: See et al., 2017
general     q . (W m)                      Luong et al., 2015
dot         q . m, scaled_dot divides it by the root of the width

The kernels multiply from the right: `m @ memory_kernel`.
"""

import numpy as np


def score(kind, query, position, weights, had=0.0):
    """Returns the score of one position for one query."""
    if kind == "additive":
        hidden = query @ weights["query_kernel"] + position @ weights["memory_kernel"]
        hidden = hidden + had * weights.get("coverage_kernel", 0.0)
        return weights["vector"] @ np.tanh(hidden)
    if kind == "general":
        return query @ (position @ weights["memory_kernel"])
    return query @ position / (np.sqrt(len(query)) if kind == "scaled_dot" else 1.0)


def attend(kind, queries, memory, mask, weights):
    """Returns context (batch, steps, features) and weights (batch, steps, source)."""
    contexts = np.zeros((*queries.shape[:2], memory.shape[-1]))
    found = np.zeros((*queries.shape[:2], memory.shape[1]))
    for row, real in enumerate(mask):
        places = np.flatnonzero(real)
        for t, query in enumerate(queries[row]):
            if not len(places):
                continue
            had = found[row, :t].sum(0)
            scores = [score(kind, query, memory[row, i], weights, had[i]) for i in places]
            masses = np.exp(scores - np.max(scores))
            found[row, t, places] = masses / masses.sum()
            contexts[row, t] = found[row, t] @ np.where(real[:, None], memory[row], 0.0)
    return contexts, found
