"""Interpolated Kneser-Ney with dictionaries and exact fractions, as the equations say it."""

from collections import Counter
from fractions import Fraction


def counts_per_order(text, order):
    """One `{ngram: count}` per length: occurrences at the top, different left neighbours below."""
    marked = ["start", *text]
    levels = []
    for length in range(1, order):
        windows = zip(*(marked[i:] for i in range(length + 1)), strict=False)
        levels.append(Counter(window[1:] for window in set(windows)))
    levels.append(Counter(tuple(text[i : i + order]) for i in range(len(text) - order + 1)))
    return levels


def estimated_discounts(counts, modified):
    """`(D_1, D_2, D_3+)` of one order from its counts of counts."""
    n1, n2, n3, n4 = (Fraction(sum(c == i for c in counts.values())) for i in (1, 2, 3, 4))
    if not modified:
        d = n1 / (n1 + 2 * n2) if n1 > 0 and n2 > 0 else Fraction(1, 2)
        return d, d, d
    fallback = Fraction(1, 2), Fraction(1), Fraction(3, 2)
    if 0 in (n1, n2, n3, n4):
        return fallback
    y = n1 / (n1 + 2 * n2)
    d1, d2, d3 = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
    return (d1, d2, d3) if 0 < d1 < 1 and 0 < d2 < 2 and 0 < d3 < 3 else fallback


class KneserNey:
    """`prob(word, context)` is the exact probability of `word` after the tuple `context`."""

    def __init__(self, text, order, vocabulary, modified=False, discount=None):
        self.order = order
        self.vocabulary = vocabulary
        self.counts = counts_per_order(list(text), order)
        if discount is None:
            self.discounts = [estimated_discounts(c, modified) for c in self.counts]
        else:
            self.discounts = [(Fraction(discount),) * 3] * order

    def prob(self, word, context):
        context = tuple(context)[max(0, len(context) - self.order + 1) :]
        if word not in self.vocabulary:
            return Fraction(0)
        return self._prob(word, context)

    def _prob(self, word, context):
        counts, (d1, d2, d3) = self.counts[len(context)], self.discounts[len(context)]
        lower = self._prob(word, context[1:]) if context else Fraction(1, len(self.vocabulary))
        followers = {g[-1]: c for g, c in counts.items() if g[:-1] == context}
        total = sum(followers.values())
        if total == 0:
            return lower
        cut = {w: d1 if c == 1 else d2 if c == 2 else d3 for w, c in followers.items()}
        share = (followers[word] - cut[word]) / total if word in followers else Fraction(0)
        return share + sum(cut.values()) / total * lower

    def probs(self, text):
        """The probability of every token of `text` after the ones before it."""
        return [float(self.prob(word, text[:i])) for i, word in enumerate(text)]
