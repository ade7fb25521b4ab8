"""The picture in the README: the quickstart in JupyterLab, beside the sidebar.

ETIQ_UPDATE_SCREENSHOT=1 writes it to examples/screenshot.png.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from lab_driver import NOTEBOOK, ROOT, Lab, LabServer
from playwright.sync_api import expect

QUICKSTART = ROOT / "examples" / "quickstart.ipynb"
CELLS = ["".join(cell["source"]) for cell in json.loads(QUICKSTART.read_text())["cells"]]
LAST = len(CELLS) - 1
EVALUATE = next(at for at, source in enumerate(CELLS) if source.startswith("## Evaluate"))
PICTURE = ROOT / "examples" / "screenshot.png"


def test_the_quickstart_beside_the_sidebar(lab: Lab, lab_server: LabServer, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    update = os.environ.get("ETIQ_UPDATE_SCREENSHOT") == "1"
    lab.page.set_viewport_size({"width": 1360, "height": 860})
    lab.open(lab_server.copy(QUICKSTART))
    lab.show_sidebar()
    lab.command("notebook:run-all-cells")
    for name in ("load", "clean", "fit", "evaluate", "plot"):
        expect(lab.row(name)).to_contain_text("SNP-", timeout=120_000)
    expect(lab.sidebar).to_contain_text("All sent. Safe to close.")
    lab.wait_for_cell(LAST)
    expect(lab.page.locator("[data-mime-type='application/vnd.jupyter.error']")).to_have_count(0)
    lab.row("evaluate").click()
    expect(lab.sidebar.get_by_role("region", name="Preview of")).to_contain_text("Metrics")
    lab.page.evaluate(f"() => {NOTEBOOK}.content.widgets[{EVALUATE}].node.scrollIntoView()")
    lab.page.mouse.move(900, 500)
    lab.page.wait_for_timeout(800)
    path = PICTURE if update else tmp_path / "screenshot.png"
    lab.page.screenshot(path=path)
    assert path.stat().st_size > 20_000
