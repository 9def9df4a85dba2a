"""How good texts are that a model wrote in place of others: translations, phonemes, dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kseq.errors import UserError, one_of
from kseq.inspection.edit_distance import edit_distances


def transduction_report(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, tokenize: str = "13a"
) -> dict[str, Any]:
    """Scores of texts against all that is right for each.

    BLEU and chrF come from sacrebleu, from 0 to 100, with the signature that papers ask for. The error rates
    are edits by length of the reference, each text compared with the reference that is nearest to it:

        rate = sum of edits / sum of lengths

    Tokens are what stands between white space: words of a translation, phonemes of a pronunciation, whose
    token error rate is the phoneme error rate.

    Example:
        >>> report = transduction_report(["K AE T", "D AA G"], [["K AE T"], ["D AO G", "D AO"]])
        >>> report["exact"], report["token_error_rate"]
        (0.5, 0.16666666666666666)

    Args:
        hypotheses: what the model wrote.
        references: for each of them one or more.
        tokenize: how BLEU splits texts into words, by a name of sacrebleu's: `"13a"`, `"zh"` for Chinese,
            `"char"`, `"none"`...

    Returns:
        `bleu`, `chrf`, `bleu_signature`, `chrf_signature`, `exact` (share of texts that are a reference),
        `character_error_rate`, `token_error_rate`, `texts` (how many) and `references` (of all texts). Shares
        and rates are fractions.

    Raises:
        UserError: there is no text, or not one reference at least for each.
    """
    from sacrebleu.metrics import BLEU, CHRF

    _check(hypotheses, references)
    one_of("tokenize", tokenize, BLEU.TOKENIZERS)
    hypotheses = list(hypotheses)
    most = max(map(len, references))
    streams = [[row[place] if place < len(row) else None for row in references] for place in range(most)]
    scores = {}
    for name, metric in (("bleu", BLEU(tokenize=tokenize)), ("chrf", CHRF())):
        scores[name] = float(metric.corpus_score(hypotheses, streams).score)
        scores[f"{name}_signature"] = metric.get_signature().format()
    exact = [text in row for text, row in zip(hypotheses, references, strict=True)]
    return {
        **scores,
        "exact": float(np.mean(exact)),
        "character_error_rate": error_rate(hypotheses, references, list),
        "token_error_rate": error_rate(hypotheses, references, str.split),
        "texts": len(hypotheses),
        "references": sum(map(len, references)),
    }


def error_rate(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    split: Callable[[str], list[str]] = str.split,
) -> float:
    """Edits by length of the reference, over all texts; the nearest reference of each counts.

    Example:
        >>> error_rate(["a b", "c"], [["a c", "d b e"], ["c"]])
        0.333...

    Args:
        hypotheses: what the model wrote.
        references: for each of them one or more; of two that are equally near the first counts.
        split: from a text to what is counted: `str.split` for words or phonemes, `list` for characters.

    Raises:
        UserError: there is no text, or not one reference at least for each.
    """
    _check(hypotheses, references)
    rows = [split(text) for texts in references for text in texts]
    repeated = [
        tokens
        for text, texts in zip(hypotheses, references, strict=True)
        for tokens in [split(text)] * len(texts)
    ]
    edits, lengths = edit_distances(repeated, rows), np.array([len(row) for row in rows])
    ends = np.cumsum([len(texts) for texts in references])
    nearest = [
        start + int(np.argmin(edits[start:end])) for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]
    return float(edits[nearest].sum() / max(lengths[nearest].sum(), 1))


def transduction_table(report: dict[str, Any]) -> str:
    """A report as lines for people, in percent.

    Args:
        report: what `transduction_report` returned.

    Returns:
        Lines without a line end after the last.
    """
    rows = {
        "BLEU": report["bleu"],
        "chrF": report["chrf"],
        "exact": 100 * report["exact"],
        "character error rate": 100 * report["character_error_rate"],
        "token error rate": 100 * report["token_error_rate"],
    }
    width = max(map(len, rows))
    lines = [f"{name:{width}}  {value:6.2f}" for name, value in rows.items()]
    signatures = f"{report['bleu_signature']}; chrF {report['chrf_signature']}"
    return "\n".join(
        [*lines, f"{report['texts']} texts, {report['references']} references; BLEU {signatures}"]
    )


def _check(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if len(hypotheses) == 0:
        raise UserError("there is no text to score")
    if len(hypotheses) != len(references):
        raise UserError(f"`references` must be for {len(hypotheses)} texts, got {len(references)}")
    for number, texts in enumerate(references, 1):
        if isinstance(texts, str) or not texts:
            raise UserError(
                f"`references` must be one text or more for each, got {texts!r} for text {number}"
            )
