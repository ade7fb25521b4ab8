"""The version of the package, of its front end and of its dashboard."""

__version__ = "0.1.0"
