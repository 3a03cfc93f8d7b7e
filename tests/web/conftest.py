"""A real Chromium, driven by Selenium: Debian's packages `chromium` and `chromium-driver`."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
WHY = "no browser: apt-get install chromium chromium-driver"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "web" in item.keywords and not (BROWSER and DRIVER):
            item.add_marker(pytest.mark.skip(reason=WHY))


@pytest.fixture(scope="session")
def open_browser() -> Iterator[Callable[..., object]]:
    """Opens a window of a size; all are closed in the end."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    opened = []

    def start(width: int = 1300, height: int = 1000):
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for argument in ("--headless=new", "--disable-gpu", "--no-first-run", f"--window-size={width},{height}"):
            options.add_argument(argument)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        driver.execute_cdp_cmd("Network.enable", {})
        driver.set_script_timeout(30)
        opened.append(driver)
        return driver

    yield start
    for driver in opened:
        driver.quit()


@pytest.fixture(scope="session")
def shared_browser(open_browser):
    return open_browser()


@pytest.fixture
def browser(shared_browser):
    """A window without anything in its console; after the test there must be nothing there either."""
    shared_browser.get("about:blank")
    shared_browser.get_log("browser")
    yield shared_browser
    assert shared_browser.get_log("browser") == []
