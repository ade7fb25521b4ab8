"""Snapshots: taken in, listed, read, joined to pipelines."""
