"""What a name may be made of; the same for the client and the dashboard."""

from __future__ import annotations

import unicodedata

LONGEST = 200
"""Characters of a name at most."""
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_JOINERS = {"\u200d", "\u200c", "\ufe0f"}  # inside emoji and several scripts


def unseen_character(text: str) -> str:
    """Return the first control or formatting character of a text; empty when there is none."""
    if text.isascii() and text.isprintable():
        return ""
    for character in text:
        if unicodedata.category(character) in _UNSEEN and character not in _JOINERS:
            return character
    return ""
