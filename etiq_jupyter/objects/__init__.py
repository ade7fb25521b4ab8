"""Objects: how content becomes immutable, hash-addressed bytes and back. Pure, no I/O.

``content`` is what codecs make and read; ``recipe`` names the parts of a content and their chunks;
``chunk`` encodes one chunk; ``pack`` frames many chunks into one file or request body.
"""
