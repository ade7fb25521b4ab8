"""Who asks: users, passwords, browser sessions, access tokens."""
