"""How long lists of many snapshots take over HTTP.

    python tests/benchmarks/dashboard_lists.py [--snapshots 100000] [--rounds 9] [--json FILE]

The rows are written to the tables directly, each with three metrics; then one keep-alive client
asks a real dashboard process. Medians, authentication included. Peer: MLflow with 100,000 runs
327 to 734 ms for a page, 4,100 ms for 10,000 runs ordered by a metric.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from dashboard_ingest import running

MANY, SORTED = 100_000, 10_000


def fill(data: Path, project: str, count: int) -> None:
    """Write snapshots to a project, as the dashboard itself writes them."""
    import random
    from datetime import datetime, timedelta, timezone

    from etiq_jupyter import ids, model
    from etiq_jupyter.dashboard.config import Settings
    from etiq_jupyter.dashboard.db.engine import Database
    from etiq_jupyter.dashboard.snapshots.batch import Batch, Claim, Entry
    from etiq_jupyter.dashboard.snapshots.manifest import check

    database = Database(Settings(data_dir=data).sqlalchemy_url)
    with database.read() as connection:
        user = connection.exec_driver_sql("SELECT id FROM users").scalar_one()
    random.seed(1)
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    run = model.Run(id=ids.new_id(), name="analysis.ipynb", kind="notebook")
    entries = []
    for number in range(count):
        if number % 500 == 0:
            run = model.Run(id=ids.new_id(), name="analysis.ipynb", kind="notebook")
        snapshot = model.Snapshot(
            id=ids.new_id(),
            name=f"cell {number % 20}",
            project=project,
            run=run,
            created_at=start + timedelta(seconds=number),
            source="fit(df)",
            metrics={name: random.random() for name in ("acc", "loss", "f1")},
            tags=["best"] if number % 1000 == 0 else [],
        )
        manifest = check(snapshot, snapshot.id, b"")
        entries.append(Entry(manifest, Claim(user_id=user), ""))
        if len(entries) == 2000 or number == count - 1:
            with database.write() as tx:
                Batch(tx, entries).write()
            entries = []
    database.close()


def measure(count: int, rounds: int) -> dict[str, Any]:
    """Return milliseconds of each question."""
    import requests

    few = min(SORTED, count)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "data") as (url, token, project, _),
    ):
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"
        made = session.post(f"{url}/api/v1/projects/open", json={"name": "sorted"}).json()
        fill(Path(folder) / "data", project, count)
        fill(Path(folder) / "data", made["id"], few)

        def ask(where: str, **params: Any) -> tuple[float, Any]:
            waits, answer = [], None
            for _ in range(rounds):
                begun = time.perf_counter()
                answer = session.get(f"{url}/api/v1/projects/{where}/snapshots", params=params)
                waits.append(time.perf_counter() - begun)
                answer.raise_for_status()
            assert answer is not None
            return statistics.median(waits) * 1000, answer.json()

        newest, page = ask(project, limit=100)
        assert (len(page["items"]), page["total"]) == (min(100, count), count)
        cursor = page["next_cursor"]
        following = ask(project, limit=100, cursor=cursor)[0] if cursor else 0.0
        by_metric, page = ask(made["id"], limit=100, sort="-metric:acc")
        values = [one["metrics"]["acc"] for one in page["items"]]
        assert values == sorted(values, reverse=True)
        filtered, _ = ask(made["id"], limit=100, q="metric.acc>0.9 tag:best")
        words, _ = ask(made["id"], limit=100, q="cell 7")
    return {
        f"newest 100 of {count:,}": {"ms": newest, "goal": 10, "MLflow": 327},
        f"the next 100 of {count:,}": {"ms": following, "goal": 10, "MLflow": 592},
        f"{few:,} sorted by a metric": {"ms": by_metric, "goal": 20, "MLflow": 4100},
        f"{few:,} filtered by metric and tag": {"ms": filtered, "goal": None, "MLflow": 420},
        f"{few:,} searched for words": {"ms": words, "goal": None, "MLflow": None},
    }


def main(arguments: list[str] | None = None) -> int:
    """Print each question beside its goal and the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snapshots", type=int, default=MANY)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = measure(options.snapshots, options.rounds)
    print(f"{'':<36}{'here':>10}{'goal':>8}{'MLflow':>10}")
    for name, row in found.items():
        goal, peer = row["goal"] or "", row["MLflow"] or ""
        print(f"{name:<36}{row['ms']:>7.1f} ms{goal:>8}{peer:>10}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
