"""Server-sent events: open pages learn that something has changed."""
