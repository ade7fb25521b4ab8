"""Keep what a notebook just did, and bring it to the team."""
