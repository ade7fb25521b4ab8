"""Pickle, only where its user asked for it: signed when written, read only with one's own key.

The signature is of a key that belongs to one local store and never leaves it, so a pickle of
somebody else, or one that was changed on its way, is never loaded.
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
from typing import Any

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, refuse, type_name
from etiq_jupyter.errors import NotKept
from etiq_jupyter.objects.content import Buffer, Content, ContentReader


class KeySigner:
    """Signs with a secret key by HMAC-SHA256.

    Parameters
    ----------
    key : bytes
        At least 32 random bytes, kept with the local store, readable by its owner only.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("the key must have at least 32 bytes")
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """Return the signature of some bytes."""
        return hmac.digest(self._key, data, hashlib.sha256)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Say whether this key made the signature, in constant time."""
        return hmac.compare_digest(self.sign(data), signature)

    def __repr__(self) -> str:
        return "<KeySigner>"


class PickleCodec(Codec):
    """Anything that pickle takes; asked for by name when `Writing.pickle` is set."""

    name = "pickle"
    packages = ()

    def accepts(self, value: Any) -> bool:
        return False

    def encode(self, value: Any, how: Writing) -> Content:
        if how.pickle is None:
            raise NotKept("pickle was not allowed for this snapshot")
        try:
            data = pickle.dumps(value, protocol=5)
        except Exception as error:
            raise NotKept(
                f"{type_name(type(value))} cannot be pickled ({type(error).__name__}: {error})"
            ) from error
        meta = {"signature": how.pickle.sign(data), "type": type_name(type(value))}
        return Content(self.name, self.version, meta, [Buffer("pickle", memoryview(data))])

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        if not how.trust:
            raise refuse("it is a pickle, which can run code; trust=True reads your own")
        if how.signer is None:
            raise refuse("it is a pickle, and there is no key here to tell whether it is yours")
        data = bytes(reader.read("pickle"))
        signature = need(reader.meta, "signature", (bytes, memoryview))
        if not how.signer.verify(data, bytes(signature)):
            raise refuse("it is a pickle that was not made with this store's key")
        return pickle.loads(data)  # noqa: S301 - verified to be made here, and asked for

    def summarise(self, value: Any, content: Content) -> Facts:
        return Facts("other", type_name(type(value)), "pickled", {"pickle": True})


CODECS = (PickleCodec,)
