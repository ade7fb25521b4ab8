"""Keep what a notebook just did, and bring it to the team."""


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "etiq_jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "etiq_jupyter.jupyter.server_extension"}]
