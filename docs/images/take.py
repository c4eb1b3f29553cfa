"""Takes the pictures of the README: `.venv/bin/python docs/images/take.py`, while `make up` runs in another terminal.

Needs the development requirements and a Chromium (`CHROMIUM`, else /usr/bin/chromium).
"""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
SUREFILL = str(Path(sys.executable).with_name("surefill"))
UI = os.environ.get("SUREFILL_TEMPORAL_UI_URL", "http://127.0.0.1:8233")
COLUMNS = ["Status", "Workflow ID", "TradeStatus", "Side", "Symbol", "Strategy", "Account", "Start"]
SHOWN = "send BUY ETH-USD --usd 25 --strategy breakout"
BEFORE = (
    "send BUY BTC-USD --usd 40 --strategy dip",
    "send BUY SOL-USD --usd 15 --limit 20 --cancel-after 900 --no-wait",
    "send BUY ETH-USD --usd 500",
    "send SELL ETH-USD --base 0.005 --strategy breakout",
)


def surefill(line: str) -> str:
    """What the command prints, with its colours. Its exit code tells how a trade ended, which is no concern here."""
    environ = os.environ | {"FORCE_COLOR": "1", "COLUMNS": "92"}
    done = subprocess.run(
        [SUREFILL, *line.split()], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def terminal(browser: Browser, lines: tuple[str, ...]) -> None:
    console = Console(record=True, width=92, file=io.StringIO())
    for line in lines:
        console.print(Text(f"$ surefill {line}", style="bold"))
        console.print(Text.from_ansi(surefill(line)))
    page = browser.new_page(device_scale_factor=1)
    page.set_content(console.export_svg(title="surefill"))
    page.locator("svg").first.screenshot(path=HERE / "terminal.png", omit_background=True)


def temporal(browser: Browser, trade_id: str) -> None:
    page = browser.new_page(viewport={"width": 1500, "height": 620})
    look(page, f"{UI}/namespaces/default/workflows")
    columns = json.dumps({"default": [{"label": label} for label in COLUMNS]})
    for key in ("namespace-workflow-table-columns", "workflow-table-columns"):
        page.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, columns])
    trades = quote('WorkflowType = "TradeWorkflow"')
    look(page, f"{UI}/namespaces/default/workflows?query={trades}")
    page.screenshot(path=HERE / "temporal-list.png")

    page.set_viewport_size({"width": 1500, "height": 1250})
    look(page, f"{UI}/namespaces/default/workflows/trade-{trade_id}")
    page.screenshot(path=HERE / "temporal-trade.png")


def look(page: Page, url: str) -> None:
    page.goto(url, wait_until="load")
    page.wait_for_timeout(4_000)


def main() -> None:
    for line in BEFORE:
        surefill(line)
    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=options
        )
        terminal(browser, (SHOWN, "trades"))
        newest = json.loads(surefill("trades --json"))["trades"][0]
        temporal(browser, newest["trade_id"])
        browser.close()


if __name__ == "__main__":
    main()
