"""An exported run in inspect's own viewer: it lists the trials, shows the talk, and text stays text."""

import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.report.conftest import HOSTILE, quick_run, rewrite  # noqa: F401

pytestmark = pytest.mark.web
MARKUP = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


@pytest.fixture(scope="module")
def viewer(quick_run, tmp_path_factory):  # noqa: F811
    """The address of `inspect view` over the log of a run, some of whose texts are markup."""
    from ste_graph.exports.inspect_log.export import write_logs
    from ste_graph.finished import open_run

    folder = tmp_path_factory.mktemp("logs")
    shutil.copytree(quick_run, folder / "run")
    rewrite(folder / "run", lambda trial: trial.update(query=f"{MARKUP} {HOSTILE}", answer=MARKUP))
    write_logs(open_run(folder / "run"), folder / "logs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("inspect"), "view", "--log-dir", folder / "logs", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        until = time.monotonic() + 90
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert time.monotonic() < until, "inspect view does not answer"
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/#/logs"
    finally:
        server.terminate()
        server.wait()


def shown(browser, address, *words):
    """The text of a page, once it has all these words."""
    browser.get("about:blank")
    browser.get(address)

    def text(window):
        found = window.find_element(By.TAG_NAME, "body").text
        return found if all(word in found for word in words) else ""

    return WebDriverWait(browser, 60).until(text)


def test_the_viewer_lists_the_trials_with_their_scores_and_opens_one(open_browser, viewer):
    browser = open_browser()
    listed = shown(browser, f"{viewer}/quickstart.eval", "12 Samples", "SOLVED", "GROUNDED")
    assert "convert_unit/episode-0/trial-0" in listed
    sample = f"{viewer}/quickstart.eval/samples/sample/{quote('convert_unit/episode-0/trial-0', safe='')}/1"
    assert "imagine (episode 0, trial 0" in shown(browser, sample, "MODEL CALL", "call (episode 0, trial 0")
    talk = shown(browser, f"{sample}/messages", "ASSISTANT", "USER")
    assert "convert_unit" in talk
    assert "onerror=" in talk
    assert browser.title != "taken"
    assert browser.find_elements(By.CSS_SELECTOR, "img[src='x']") == []
