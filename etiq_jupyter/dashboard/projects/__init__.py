"""Workspaces, projects, members, and the one place that says who may do what."""
