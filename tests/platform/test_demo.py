"""`dotbridge demo`: a whole sync with one command, again, and with everything running until told to stop."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from rich.console import Console

from dotbridge.config import read_config
from dotbridge.demo_sandbox import start_sandbox, stop_sandbox
from tests.platform.place import Place, children, own_folder, until, words

NAMED = {
    "address_books", "data_fields", "list_members", "exported", "updated", "removed", "rejected", "duplicates",
    "left_out", "unsubscribed", "remote_ids_missing", "requests", "seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def once() -> Iterator[tuple[Place, subprocess.CompletedProcess[str]]]:
    """A place where a demo ran once, and what that gave. Its sandbox goes on.

    The environment names a proxy that nothing on this machine can be reached by.
    """
    with own_folder() as folder:
        place = Place(folder)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
            done = place.run("demo", "--once", seconds=400)
        yield place, done
        place.close()


@pytest.fixture
def demo(once: tuple[Place, subprocess.CompletedProcess[str]]) -> Place:
    return once[0]


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def sandboxes(place: Place) -> list[psutil.Process]:
    return [process for process in place.left() if "dotdigital_sandbox" in words(process)]


def test_once_syncs_everything_and_ends_with_numbers_that_add_up(
    once: tuple[Place, subprocess.CompletedProcess[str]],
) -> None:
    numbers = last_line(once[1])
    assert numbers.keys() >= NAMED
    parts = numbers["exported"] + sum(numbers["rejected"].values()) + numbers["duplicates"]
    assert numbers["list_members"] == parts + sum(numbers["left_out"].values()) == 5000
    assert numbers["exported"] > 4000
    assert numbers["remote_ids_missing"] == numbers["left_out"]["waiting"] == 0
    assert once[1].stderr == ""


def test_the_account_holds_what_the_numbers_say(once: tuple[Place, subprocess.CompletedProcess[str]]) -> None:
    place, done = once
    answer = httpx2.get(
        f"http://127.0.0.1:{place.sandbox_port}/v2/address-books",
        auth=("apiuser-000000000000@apiconnector.com", "sandbox"),
    )
    (book,) = [book for book in answer.json() if book["name"] == "Newsletter"]
    assert book["contacts"] >= last_line(done)["in_book"]


def test_it_has_lived_for_three_months(demo: Place) -> None:
    """Lists in step, campaigns that were read, and one of each thing that a person meets."""
    code = (
        "import json; from django.utils import timezone as now; from dotbridge.starting import start; start()\n"
        "from dotbridge.connections.models import ListConnection; from dotbridge.mirror.models import CampaignSummary\n"
        "from dotbridge.consent.models import ConsentEvent; from dotbridge.lists.models import MarketingList\n"
        "from dotbridge.sync.models import Upload, ValueConflict; from django.contrib.auth.models import User\n"
        "sums = CampaignSummary.objects.filter(campaign__status='Sent').values_list(\n"
        "    'campaign__sent_at', 'num_total_unique_opens', 'num_recipients_clicked', 'num_total_hard_bounces',\n"
        "    'num_total_delivered')\n"
        "print('LIFE', json.dumps({\n"
        "    'campaigns': [[(now.now() - at).days, *numbers] for at, *numbers in sums],\n"
        "    'opted_out': [str(at.date()) for at in ConsentEvent.objects.filter(source='feed')"
        ".values_list('happened_at', flat=True)],\n"
        "    'stopped': ListConnection.objects.exclude(stopped_at=None).count(),\n"
        "    'refused': Upload.objects.filter(state='refused').count(), 'both_sides': ValueConflict.objects.count(),\n"
        "    'types': sorted(MarketingList.objects.values_list('type', flat=True)),\n"
        "    'people': sorted(User.objects.values_list('username', flat=True))}), flush=True)\n"
    )
    demo.python(code)
    until(lambda: "LIFE {" in demo.output)
    lived = json.loads(demo.output.partition("LIFE ")[2].splitlines()[0])
    assert lived["types"] == ["dynamic", "dynamic", "on_demand"]
    assert (lived["stopped"], lived["refused"], lived["both_sides"]) == (1, 1, 3)
    assert lived["people"] == ["administrator", "auditor", "demo", "manager", "marketer"]
    days = sorted(campaign[0] for campaign in lived["campaigns"])
    assert len(days) == 11
    assert days[0] < 14
    assert 80 < days[-2] < 90
    assert all(delivered > opens > clicks > 0 for _day, opens, clicks, _bounces, delivered in lived["campaigns"])
    assert sum(campaign[3] for campaign in lived["campaigns"]) > 20
    assert len(set(lived["opted_out"])) > 20


def test_again_it_uploads_nothing_and_says_so(demo: Place) -> None:
    (before,) = sandboxes(demo)
    done = demo.run("demo", "--once")
    numbers = last_line(done)
    assert numbers["exported"] == numbers["removed"] == numbers["unsubscribed"] == 0
    assert numbers["left_out"]["unchanged"] == numbers["in_book"] > 4000
    assert "Nothing has changed since the last run: nothing was uploaded." in done.stdout
    assert sandboxes(demo) == [before]


def test_without_a_terminal_lines_are_not_broken(once: tuple[Place, subprocess.CompletedProcess[str]]) -> None:
    lines = once[1].stdout.splitlines()
    assert any(line.endswith("Correct the list's rule, or allow it once.") for line in lines)
    assert "\x1b" not in once[1].stdout


def test_a_run_that_did_not_happen_is_no_success(demo: Place) -> None:
    """Another run holds the integration: nothing was synchronised."""
    code = (
        "import sys, pathlib; from dotbridge.starting import start; start()\n"
        "from dotbridge.sync.locks import integration_lock; from dotbridge.integrations.models import Integration\n"
        "with integration_lock(Integration.objects.get().pk): print('HELD', flush=True); sys.stdin.read()"
    )
    holder = demo.python(code)
    until(lambda: "HELD" in demo.output)
    done = demo.run("demo", "--once")
    holder.kill()
    holder.wait()
    assert done.returncode == 1
    assert "Another run is at work on this account." in done.stdout
    assert "Nothing has changed" not in done.stdout


class TestServed:
    """The whole demo: sandbox, database, web and worker."""

    def start(self, demo: Place) -> subprocess.Popen[str]:
        said = demo.output.count("The back office:")
        program = demo.start("demo")
        until(lambda: program.poll() is not None or demo.output.count("The back office:") > said)
        assert program.poll() is None, demo.output
        until(lambda: self.answers(demo))
        return program

    def answers(self, demo: Place) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{demo.port}/login/").status_code == 200
        except httpx2.TransportError:
            return False

    def end_of(self, demo: Place, programs: list[psutil.Process]) -> None:
        until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in programs))

    def log_in(self, demo: Place) -> httpx2.Response:
        name, password = re.findall(r"log in as (\S+) / (\S+)", demo.output)[-1]
        with httpx2.Client(base_url=f"http://127.0.0.1:{demo.port}", follow_redirects=True) as browser:
            page = browser.get("/")
            token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
            words = {"username": name, "password": password, "csrfmiddlewaretoken": token, "next": "/"}
            return browser.post(page.url, data=words, headers={"referer": str(page.url)})

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_serves_and_ends_with_all_it_started(self, demo: Place, number: signal.Signals) -> None:
        program = self.start(demo)
        programs = children(program)
        assert len(programs) == 2
        if number == signal.SIGINT:
            answer = self.log_in(demo)
            assert (answer.status_code, answer.url.path) == (200, "/")
            seen = demo.run("doctor")
            assert seen.returncode == 0, seen.stdout
            assert "ok   worker                 at least one is alive" in seen.stdout
            assert "ok   change tracking        triggers note changes of crm_account, crm_contact" in seen.stdout
            taken = demo.run("demo")
            assert (taken.returncode, taken.stdout) == (2, "")
            assert taken.stderr.startswith(f"DOTBRIDGE_PORT='{demo.port}' cannot be used: ")
        program.send_signal(number)
        assert program.wait(20) == 0
        self.end_of(demo, programs)
        until(lambda: not demo.left())

    def test_killed_it_leaves_no_web_and_no_worker_behind(self, demo: Place) -> None:
        program = self.start(demo)
        programs = children(program)
        assert len(programs) == 2
        program.kill()
        program.wait()
        self.end_of(demo, programs)
        until(lambda: not demo.servers())
        assert demo.run("demo", "--stop").stdout == "The sandbox was ended.\n"
        assert demo.run("demo", "--stop").stdout == "No sandbox was left by a demo.\n"
        assert not sandboxes(demo)

    def test_its_password_is_kept_for_its_owner(self, demo: Place) -> None:
        kept = demo.data_dir / "demo_password"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert len(kept.read_text().strip()) >= 12


def test_a_demo_of_another_folder_takes_the_port_over(demo: Place, tmp_path: Path) -> None:
    other = Place(tmp_path)
    other.sandbox_port = demo.sandbox_port
    configs = [
        read_config({name: text for name, text in place.environment().items() if name.startswith("DOTBRIDGE_")})
        for place in (demo, other)
    ]
    console = Console(file=io.StringIO())
    start_sandbox(configs[0], console)
    assert len(sandboxes(demo)) == 1
    start_sandbox(configs[1], console)
    assert not sandboxes(demo)
    assert len(sandboxes(other)) == 1
    assert stop_sandbox(configs[0])
    assert not sandboxes(other)


def test_ports_that_are_one_are_told(place: Place) -> None:
    done = place.run("demo", "--once", DOTBRIDGE_SANDBOX_PORT=place.port)
    assert done.returncode == 2
    assert done.stderr == f"DOTBRIDGE_SANDBOX_PORT='{place.port}' cannot be used: it must differ from DOTBRIDGE_PORT.\n"
