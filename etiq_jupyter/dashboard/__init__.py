"""The dashboard: the team's server for snapshots. Starts with `etiq dashboard`.

``web`` turns requests into typed calls and answers; ``identity``, ``projects``, ``snapshots``,
``objects`` and ``events`` are the domains, each with its own ``routes``; ``db`` holds the tables;
``serve`` runs the whole as a process and ``administration`` works on one that is not running.
"""
