"""This disk: the chunk store, the snapshots kept here, and what is still to be sent."""

from etiq_jupyter.store.store import Store, default_path

__all__ = ["Store", "default_path"]
