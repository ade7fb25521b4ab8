"""Bytes: packs in a folder or an object store, and the index of the chunks in them."""
