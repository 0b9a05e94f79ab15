"""Chromium without a window, and the start page in it as a person finds it: by labels, buttons and headings."""

import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

#: How long anything on the page may take, in seconds.
PATIENCE_S = 20
#: A browser that talks to nobody but the page: no updates, no profile of anybody's, no QUIC.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1600",
]


class StartPage:
    """What a person can do on the page, and what they see then."""

    def __init__(self, driver, url):
        self.driver = driver
        driver.get(url)

    def log_in(self, name, pattern, keeper):
        """Fills in the first form: who, with which pattern, and who keeps the credential."""
        Select(self.one("#user")).select_by_value(name)
        self.one(f"input[name=pattern][value={pattern}]").click()
        self.one(f"input[name=keeper][value={keeper}]").click()
        return self.answered(self.one("#login button[type=submit]"))

    def call(self, route, request="GET /orders/1"):
        """Sends a request through a route of the gateway; the answer's status."""
        Select(self.one("#request")).select_by_value(request)
        return self.answered(self.one(f"#call button[value='/{route}']"))

    def log_out(self, pattern):
        """Presses the button beside the credential."""
        self.tells(pattern, "signed in")
        item = next(item for item in self.all("#held li") if item.text.startswith(f"{pattern}:"))
        return self.answered(item.find_element(By.TAG_NAME, "button"))

    def answered(self, button):
        """Presses a button; the status line of the answer, once the legs are there too."""
        empty = "for (const id of ['answer', 'legs']) document.getElementById(id).replaceChildren()"
        self.driver.execute_script(empty)
        button.click()
        self.wait(lambda: self.all("#answer .status") and self.all("#legs li"))
        return self.one("#answer .status").text

    def tells(self, pattern, words):
        """Waits until the line of a pattern's credential says something."""
        items = lambda: [item.text for item in self.all("#held li")]
        self.wait(lambda: any(item.startswith(f"{pattern}:") and words in item for item in items()))

    def refusal(self):
        """What the page says of a refusal: term by term."""
        terms = [term.text for term in self.all("#answer dt")]
        return dict(zip(terms, [words.text for words in self.all("#answer dd")], strict=True))

    def legs(self):
        """Every message that travelled: from whom to whom, its title, and the whole text."""
        script = """return [...document.querySelectorAll('#legs li')].map((leg) => ({
            way: leg.querySelector('.arrow .unseen').textContent.replace(/: $/, ''),
            title: leg.querySelector('b').textContent,
            text: leg.querySelector('pre').textContent,
        }))"""
        return self.driver.execute_script(script)

    def ways(self):
        """The legs by their ends, in order."""
        return [leg["way"] for leg in self.legs()]

    def one(self, selector):
        """The element that a selector names."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        """All of them."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, condition):
        """Until something is true."""
        WebDriverWait(self.driver, PATIENCE_S).until(lambda _: condition())

    def complaints(self):
        """What the browser found wrong with the page itself; a refused call is no fault of the page."""
        lines = [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]
        return [line for line in lines if "the server responded with a status of" not in line]


@pytest.fixture
def page(demo, tmp_path):
    """The start page in a browser that has never been anywhere."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={tmp_path}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        page = StartPage(driver, demo.gateway)
        yield page
        assert page.complaints() == []
    finally:
        driver.quit()
