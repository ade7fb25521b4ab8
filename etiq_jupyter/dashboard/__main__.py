"""`python -m etiq_jupyter.dashboard`: a dashboard for tests and supervisors, ready line as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from etiq_jupyter.dashboard.serve import Ready, run
from etiq_jupyter.errors import EtiqError


def main(arguments: list[str] | None = None) -> int:
    """Run a dashboard; one line of JSON on stdout, and in the file, says when it answers."""
    parser = argparse.ArgumentParser(prog="python -m etiq_jupyter.dashboard", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    parser.add_argument("--data-dir", type=Path, default=Path("etiq-dashboard"))
    parser.add_argument("--database-url", default="")
    parser.add_argument("--objects", default="", help="folder, or s3://bucket/prefix")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--allow-registration", action="store_true")
    parser.add_argument("--public-url", default="")
    parser.add_argument("--allowed-host", action="append", default=[])
    parser.add_argument("--ready-file", type=Path, help="also write the line to this file")
    options = parser.parse_args(arguments)

    def on_ready(ready: Ready) -> None:
        if options.ready_file:
            written = options.ready_file.with_name(options.ready_file.name + ".part")
            written.write_text(json.dumps({"url": ready.url}) + "\n")
            written.replace(options.ready_file)
        # The link of the first account goes to whoever started the process, not to the file.
        print(json.dumps({"url": ready.url, "setup_url": ready.setup_url}), flush=True)

    try:
        run(
            options.host,
            options.port,
            options.data_dir,
            options.database_url,
            options.objects,
            options.workers,
            options.allow_registration,
            public_url=options.public_url,
            allowed_hosts=tuple(options.allowed_host),
            on_ready=on_ready,
        )
    except EtiqError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
