"""Tokens as a font can write them."""

import functools


def shown(token: str) -> str:
    """A token as the font can write it: white space as a mark, a character without a glyph as its number."""
    if token.isspace():
        return "␣" if "␣" in _glyphs() else "_"
    return "".join(c if c in _glyphs() else f"u{ord(c):x}" for c in token)


@functools.cache
def _glyphs() -> frozenset[str]:
    """The characters of the font."""
    from matplotlib import font_manager, ft2font

    font = ft2font.FT2Font(font_manager.findfont(font_manager.FontProperties()))
    return frozenset(map(chr, font.get_charmap()))
