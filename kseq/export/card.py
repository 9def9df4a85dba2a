"""The page that people read beside an exported model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kseq.files import plain, write_text

NAME = "README.md"
#: by the task of a configuration: what the model is for, and where it must not be trusted
USES = {
    "language_model": (
        "Scores and continues texts like those that it was trained on.",
        "It knows the style and the words of its training text and no facts. What it writes may be wrong or "
        "offensive, as that text may be.",
    ),
    "ner": (
        "Finds names of the types that it was trained on, with their places, in texts of the same kind.",
        "Names of kinds that training did not have are often missed; texts of another domain, language or "
        "spelling lower the scores below.",
    ),
    "sentiment": (
        "Gives texts one of the labels that it was trained on, with a probability.",
        "Irony, mixed opinions and texts of another domain are often taken wrongly; do not decide about "
        "people by it alone.",
    ),
    "translation": (
        "Turns texts into others as in the pairs that it was trained on.",
        "It may leave out or invent parts of a text without saying so, more often where sources are longer "
        "than in training or of another kind.",
    ),
    "names": (
        "Writes names of the classes that it was trained on.",
        "They are made up; some belong to real people or brands.",
    ),
}


def write_card(
    directory: str | Path,
    *,
    name: str,
    version: int,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    signatures: Mapping[str, Any],
    sections: Mapping[str, str] | None = None,
) -> Path:
    """Write README.md beside an exported model: uses and limits, scores, training data, configuration.

    Args:
        directory: where the export lies.
        name: the model's name.
        version: its number.
        config: the configuration that it was trained with; `task` and `data` are named first.
        metrics: what was measured, nested as it is.
        signatures: name to what goes in and what comes out.
        sections: further headings and their text.
    """
    use, limits = USES.get(config.get("task"), ("", ""))
    own = {
        "Intended use": use,
        "Limits": limits,
        "Scores": table(("score", "value"), flat(metrics)) if metrics else "",
        **(sections or {}),
        "Training data": f"`{config['data']}`" if "data" in config else "",
        "Signatures": "\n".join(f"- `{key}`: {text}" for key, text in signatures.items()),
        "Configuration": table(("option", "value"), flat(config)) if config else "",
    }
    pieces = [f"# {name}, version {version}"]
    pieces += [f"## {heading}\n\n{text}" for heading, text in own.items() if text]
    write_text(Path(directory) / NAME, "\n\n".join(pieces) + "\n")
    return Path(directory) / NAME


def table(heading: tuple[str, ...], rows: list[tuple]) -> str:
    """A Markdown table."""
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join("| " + " | ".join(_cell(x) for x in row) + " |" for row in lines)


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The leaves of nested mappings with the names that lead to them; long lists are left to the manifest."""
    found: list[tuple[str, Any]] = []
    for key, value in plain(dict(values)).items():
        if isinstance(value, dict):
            found += flat(value, f"{prefix}{key} ")
        elif not (isinstance(value, list) and any(isinstance(x, (list, dict)) for x in value)):
            found.append((f"{prefix}{key}", value))
    return found


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return str(value).replace("|", "\\|").replace("\n", " ")
