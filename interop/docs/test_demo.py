"""docs/demo.md promises what each command answers; every promise is kept by the demo."""

import os
import pathlib
import re
import subprocess

import pytest

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs" / "demo.md"
#: A command that says what it is answered: `curl …  # 401 session_ended`, with `still` or not.
PROMISE = re.compile(r"^(curl .*?)\s+# (?:still )?(\d{3})(?: ([a-z_]+))?.*$", re.MULTILINE)
BLOCK = re.compile(r"^## (.*?)$|^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks():
    """The shell blocks, each with the heading that it stands below."""
    heading, found = "", []
    for part in BLOCK.finditer(PAGE.read_text()):
        if part.group(1) is not None:
            heading = part.group(1)
        else:
            found.append((heading, part.group(2)))
    return found


def run(script, directory):
    """What the script prints; it must end well."""
    done = subprocess.run(["bash", "-euc", script], cwd=directory, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def directory(demo, tmp_path_factory):
    """A directory in which the demo's data stands under its usual name."""
    here = tmp_path_factory.mktemp("docs")
    os.symlink(demo.data, here / ".sekisho-demo")
    return here


#: What the first block defines; the others need it.
PREAMBLE = blocks()[0][1]
PROMISING = [(heading, text) for heading, text in blocks() if PROMISE.search(text)]


@pytest.mark.parametrize(("heading", "text"), PROMISING, ids=[heading for heading, _ in PROMISING])
def test_every_command_is_answered_as_the_page_says(directory, heading, text):
    promises = PROMISE.findall(text)
    # Between two answers stands a line that no answer has.
    script = PROMISE.sub(lambda command: f"echo; echo '=== answer'; {command.group(1)}", text)
    answers = run(PREAMBLE + script, directory).split("=== answer\n")[1:]
    assert len(answers) == len(promises)
    for (command, status, reason), answer in zip(promises, answers):
        assert answer.split()[1] == status, f"{command}\n{answer}"
        assert reason in answer, f"{command}\n{answer}"


def test_the_page_promises_something_in_each_of_its_stories():
    stories = ["Opaque: refused on the next request", "JWT: with and without the feed", "Administration"]
    assert [heading for heading, _ in PROMISING] == stories
