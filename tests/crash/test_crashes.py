import json
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).with_name("harness.py")


def test_nothing_is_lost_when_anything_is_killed():
    command = [sys.executable, str(HARNESS), "--points", "20", "--seed", "5", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["acknowledged"] > 20
    assert report["on the dashboard"] >= report["acknowledged"]
