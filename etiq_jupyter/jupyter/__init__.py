"""Thin adapters of the session to Jupyter: magics, cell hooks, panel, kernel bridge."""
