"""The handles that a user's code holds: projects, project, snapshot, connection.

All of them read through one interface, `backend.Backend`, that is answered by the local store in
local mode and by the dashboard when logged in.
"""
