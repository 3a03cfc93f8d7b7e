"""The page of a run in a real browser: it filters, opens a trial by mouse and by keys, and runs nothing of others."""

import json
import shutil
import threading

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from ste_graph.files.lock import FileLock
from ste_graph.finished import open_run
from ste_graph.memory.experience.run_vectors import read_request_vectors
from ste_graph.report.content import gather_content
from ste_graph.report.page import write_page
from ste_graph.report.server import PageServer
from tests.report.conftest import HOSTILE, distilled_run, evaluated_run, quick_run, rewrite  # noqa: F401

pytestmark = pytest.mark.web


def show(browser, file):
    browser.get(file.as_uri())
    WebDriverWait(browser, 20).until(lambda b: b.execute_script("return document.documentElement.dataset.ready"))


def draw_all(browser):
    browser.execute_async_script("const done = arguments[0]; drawAll().then(() => setTimeout(done, 50))")


def listed(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('#list .request')].map((one) => one.textContent)"
    )


def choose(browser, name, value):
    Select(browser.find_element(By.CSS_SELECTOR, f"select[name={name}]")).select_by_value(value)


@pytest.fixture(scope="module")
def page(quick_run, tmp_path_factory):  # noqa: F811
    file = tmp_path_factory.mktemp("page") / "page.html"
    write_page(gather_content(open_run(quick_run), read_request_vectors), file)
    return file


@pytest.fixture(scope="module")
def trials(quick_run):  # noqa: F811
    return open_run(quick_run).trials()


def test_every_chart_is_drawn_and_says_what_it_shows(browser, page):
    show(browser, page)
    draw_all(browser)
    charts = browser.find_elements(By.CSS_SELECTOR, ".chart")
    assert len(charts) >= 5
    for chart in charts:
        assert chart.get_attribute("aria-label")
        assert chart.find_elements(By.CSS_SELECTOR, "svg, canvas"), chart.get_attribute("aria-label")
    assert "simulated" in browser.find_element(By.CSS_SELECTOR, "header .simulated").text
    picture = browser.find_element(By.CSS_SELECTOR, ".graph img")
    assert int(picture.get_property("naturalWidth")) > 50


def test_search_and_filters_leave_the_trials_that_match(browser, page, trials):
    show(browser, page)
    assert len(listed(browser)) == len(trials)
    choose(browser, "tool", "convert_unit")
    assert sorted(listed(browser)) == sorted(kept.query for kept in trials if kept.tool == "convert_unit")
    wanted = next(kept for kept in trials if kept.tool == "convert_unit")
    word = max(wanted.query.split(), key=len)
    browser.find_element(By.ID, "search").send_keys(word)
    WebDriverWait(browser, 5).until(lambda b: len(listed(b)) < 6)
    assert wanted.query in listed(browser)
    browser.find_element(By.ID, "search").send_keys(" nothing-has-this-word")
    WebDriverWait(browser, 5).until(lambda b: not listed(b))
    assert browser.find_element(By.ID, "count").text == f"0 of {len(trials)}"


def test_a_trial_opens_with_all_that_was_said_and_the_arrows_go_on(browser, page, trials):
    show(browser, page)
    choose(browser, "tool", "days_between")
    own = [kept for kept in trials if kept.tool == "days_between"]
    browser.find_element(By.CSS_SELECTOR, "#list button").click()
    dialog = browser.find_element(By.ID, "entry")
    first = next(kept for kept in own if kept.query == browser.find_element(By.ID, "entry-title").text)
    for step in first.trial.steps:
        assert step.observation is None or step.observation.text in dialog.text
    assert str(first.trial.answer) in dialog.text
    assert "reflect" in dialog.text
    assert f"#entry={first.id}" in browser.current_url
    browser.find_element(By.ID, "close").send_keys(Keys.ARROW_RIGHT)
    assert browser.find_element(By.ID, "entry-title").text in {kept.query for kept in own}
    assert f"#entry={first.id}" not in browser.current_url
    browser.find_element(By.ID, "close").send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()


def test_the_keys_alone_lead_to_a_trial(browser, page):
    show(browser, page)
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys("/")
    assert browser.switch_to.active_element.get_attribute("id") == "search"
    browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.execute_script("document.activeElement.blur()")
    browser.switch_to.active_element.send_keys("j")
    browser.switch_to.active_element.send_keys("j")
    second = browser.switch_to.active_element
    assert second.get_attribute("data-entry") == browser.execute_script("return matches[1].id")
    second.send_keys(Keys.ENTER)
    assert browser.find_element(By.ID, "entry").is_displayed()


def test_an_address_with_a_trial_opens_it(browser, page, trials):
    browser.get(f"{page.as_uri()}#entry={trials[3].id}")
    WebDriverWait(browser, 20).until(lambda b: b.find_element(By.ID, "entry").is_displayed())
    assert browser.find_element(By.ID, "entry-title").text == trials[3].query


def test_what_models_and_tools_wrote_stays_text(browser, quick_run, tmp_path):  # noqa: F811
    run = tmp_path / "hostile"
    shutil.copytree(quick_run, run)

    def plant(trial):
        trial["query"] = trial["answer"] = HOSTILE
        for step in trial["steps"]:
            step["thought"] = HOSTILE
            step["observation"] = {"ok": False, "kind": "tool_error", "text": HOSTILE}

    rewrite(run, plant)
    file = tmp_path / "page.html"
    write_page(gather_content(open_run(run), read_request_vectors), file)
    show(browser, file)
    draw_all(browser)
    assert "<img src=x onerror=alert(1)>" in listed(browser)[0]
    browser.find_element(By.CSS_SELECTOR, "#list button").click()
    assert browser.find_element(By.ID, "entry-body").text.count("</script><img src=x") >= 3
    assert browser.execute_script("return document.querySelectorAll('img').length") == 1  # that of the graph
    assert "\x1b" not in browser.find_element(By.ID, "entry-body").text


def test_a_run_with_parts_is_one_page_with_a_contents_list_that_leads_to_each(browser, distilled_run, tmp_path):  # noqa: F811
    file = tmp_path / "page.html"
    write_page(gather_content(open_run(distilled_run)), file)
    show(browser, file)
    links = [link.get_attribute("href").rpartition("#")[2] for link in browser.find_elements(By.CSS_SELECTOR, "#toc a")]
    assert {"trials", "run", "explore", "distil", "distil-gates", "explore-outcome"} <= set(links)
    for target in links:
        assert browser.find_elements(By.ID, target), target


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_systems_until_one_is_chosen(browser, page, scheme):
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    show(browser, page)
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(colour) == "rgb(255, 255, 255)"
    assert light == (scheme == "light")
    button = browser.find_element(By.ID, "scheme")
    button.click()
    assert browser.execute_script(colour) == "rgb(255, 255, 255)"
    button.click()
    assert browser.execute_script(colour) != "rgb(255, 255, 255)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_phone_shows_it_without_scrolling_sideways(browser, page):
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        show(browser, page)
        draw_all(browser)
        assert browser.execute_script("return document.documentElement.scrollWidth") == 390
        browser.execute_script("openEntry(entries[0].id)")
        box = browser.find_element(By.ID, "entry").rect
        assert (box["x"], box["width"]) == (0, 390)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_print_leaves_out_what_is_for_the_screen_alone(browser, page):
    show(browser, page)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not browser.find_element(By.ID, "filters").is_displayed()
    assert not browser.find_element(By.TAG_NAME, "nav").is_displayed()
    assert browser.find_element(By.CSS_SELECTOR, "#list .request").is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_served_page_follows_a_run_and_keeps_what_a_person_has_chosen(browser, quick_run, tmp_path):  # noqa: F811
    run = tmp_path / "run"
    shutil.copytree(quick_run, run)
    log, journal = run / "units" / "days_between.jsonl", run / "journal.jsonl"
    whole = log.read_text("utf-8"), journal.read_text("utf-8")
    log.write_text("", "utf-8")
    kept = [line for line in whole[1].splitlines(keepends=True) if '"tool":"convert_unit"' in line]
    journal.write_text("".join(kept), "utf-8")
    with PageServer(run, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with FileLock(run / ".writer"):
            browser.get(server.address)
            WebDriverWait(browser, 20).until(lambda b: len(listed(b)) == 6)
            browser.find_element(By.ID, "search").send_keys("days_between")
            WebDriverWait(browser, 5).until(lambda b: listed(b) == [])
            log.write_text(whole[0], "utf-8")
            journal.write_text(whole[1], "utf-8")
            WebDriverWait(browser, 20).until(lambda b: "2 of 2 units" in b.find_element(By.ID, "state").text)
            assert browser.find_element(By.ID, "state").text.startswith("running")
            assert len(listed(browser)) == 6  # those that match what was searched before, and are new
        WebDriverWait(browser, 20).until(lambda b: b.find_element(By.ID, "state").text.startswith("complete"))
        server.shutdown()


def test_the_table_of_arms_fits_on_a_page_and_a_small_graph_keeps_its_size(browser, evaluated_run, tmp_path):  # noqa: F811
    file = tmp_path / "page.html"
    write_page(gather_content(open_run(evaluated_run)), file)
    show(browser, file)
    wide = (
        "return [...document.querySelectorAll('table')].map((one) => [one.scrollWidth, one.parentElement.clientWidth])"
    )
    tables = browser.execute_script(wide)
    assert len(tables) >= 4
    assert all(width <= room for width, room in tables), tables
    picture = browser.find_element(By.CSS_SELECTOR, ".graph img")
    assert picture.size["width"] <= int(picture.get_property("naturalWidth"))


def test_names_between_backticks_are_code_in_the_decision_and_markup_in_them_is_text(browser, evaluated_run, tmp_path):  # noqa: F811
    run = tmp_path / "run"
    shutil.copytree(evaluated_run, run)
    journal = run / "journal.jsonl"
    line = json.loads(journal.read_text("utf-8"))
    line["reason"] = "Not taken: `exemplars` gains nothing; `<img src=x onerror=alert(1)>` too; a lone ` stays."
    journal.write_text(json.dumps(line) + "\n", "utf-8")
    file = tmp_path / "page.html"
    write_page(gather_content(open_run(run)), file)
    show(browser, file)
    [decision] = browser.find_elements(By.CSS_SELECTOR, ".lines:has(.headline)")
    assert "Not taken: exemplars gains nothing; <img src=x onerror=alert(1)> too; a lone ` stays." in decision.text
    codes = [code.text for code in decision.find_elements(By.TAG_NAME, "code")]
    assert codes[-2:] == ["exemplars", "<img src=x onerror=alert(1)>"]
    assert browser.execute_script("return document.querySelectorAll('img[src=x]').length") == 0
    titles = "return [...document.querySelectorAll('h4, caption')].map((one) => one.textContent)"
    assert "Gain over baseline" in browser.execute_script(titles)


def test_backticks_of_a_model_or_a_tool_stay_as_they_were_written(browser, quick_run, tmp_path):  # noqa: F811
    run = tmp_path / "run"
    shutil.copytree(quick_run, run)

    def plant(trial):
        trial["query"] = trial["answer"] = trial["steps"][0]["observation"]["text"] = "Run `rm -rf`."

    rewrite(run, plant)
    file = tmp_path / "page.html"
    write_page(gather_content(open_run(run)), file)
    show(browser, file)
    assert set(listed(browser)) == {"Run `rm -rf`."}
    browser.find_element(By.CSS_SELECTOR, "#list button").click()
    body = browser.find_element(By.ID, "entry-body")
    assert body.text.count("Run `rm -rf`.") >= 2
    assert not body.find_elements(By.CSS_SELECTOR, "pre code")
