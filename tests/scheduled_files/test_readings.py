"""Scheduled files: read when their time has come, loaded when they changed, and a list that holds whom they name.

The kind: an absence taken for a departure. Its places: an empty file, one that was cut off, one of which many lines
were not understood, and too many missing at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.crm.models import Contact
from dotbridge.encryption import Resealed
from dotbridge.files.models import FileLoad, LoadState
from dotbridge.files.waiting import LOAD_TASK, run_load
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.services import create_list, update_list
from dotbridge.queues import Queue
from dotbridge.scheduled_files import services
from dotbridge.scheduled_files.models import Holds, Reading, ScheduledFile
from dotbridge.scheduled_files.services import (
    READ_TASK,
    allow_leaving,
    read_scheduled_file,
    request_due_readings,
    request_reading,
    reseal_passwords,
    save_scheduled_file,
)
from tests.backoffice.conftest import logged_in
from tests.backoffice.world import empty_queue
from tests.scheduled_files.sftp_server import long_ago

__all__ = ["logged_in"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path, settings: Any, transactional_db: None) -> Path:
    empty_queue()
    settings.DOTBRIDGE = {**settings.DOTBRIDGE, "FILE_FOLDERS": [str(tmp_path)]}
    return tmp_path


@pytest.fixture
def people_list(transactional_db: None) -> MarketingList:
    return create_list(name="From the shop", entity="crm.contact", type=ListType.MANUAL)


def scheduled(folder: Path, *, marketing_list: MarketingList | None = None, **values: Any) -> ScheduledFile:
    made = ScheduledFile(
        name="Shop",
        entity="crm.contact",
        url=str(folder / "people.csv"),
        marketing_list=marketing_list,
        **{"holds": Holds.EVERYBODY, "most_leaving_percent": 20, **values},
    )
    return save_scheduled_file(scheduled_file=made)


def put(folder: Path, *names: str, more: str = "") -> None:
    """The shop's file, with these people in it."""
    path = folder / "people.csv"
    rows = "".join(f"{name}@example.com,{name}\n" for name in names)
    path.write_text(f"E-mail,First name\n{rows}{more}", encoding="utf-8")
    long_ago(path)


def read(scheduled_file: ScheduledFile, *, by_person: bool = False) -> Reading | None:
    """As the worker does: fetch it, and load it."""
    reading = read_scheduled_file(scheduled_file_id=scheduled_file.pk, by_person=by_person)
    scheduled_file.refresh_from_db()
    if reading is not None:
        run_load(load_id=reading.load_id)
        reading.refresh_from_db()
        scheduled_file.refresh_from_db()
    return reading


def listed(marketing_list: MarketingList) -> set[str]:
    keys = [int(key) for key in marketing_list.listed_records.values_list("record_id", flat=True)]
    return set(Contact.objects.filter(pk__in=keys).values_list("first_name", flat=True))


def missing_nine_of_ten(folder: Path, people_list: MarketingList) -> ScheduledFile:
    """A file whose last reading asks whether nine of its ten people may leave the list."""
    shop = scheduled(folder, marketing_list=people_list)
    for names in ("abcdefghij", "a"):
        put(folder, *names)
        read(shop)
    return shop


def test_people_come_and_leave_with_the_file(folder: Path, people_list: MarketingList) -> None:
    shop = scheduled(folder, marketing_list=people_list)
    put(folder, *"abcdefghij")
    first = read(shop)
    assert first is not None
    assert (first.joined, first.left, first.held) == (10, 0, 0)
    assert listed(people_list) == set("abcdefghij")
    put(folder, *"bcdefghijk")
    second = read(shop)
    assert second is not None
    assert (second.joined, second.left, second.held, second.known) == (1, 1, 0, 10)
    assert listed(people_list) == set("bcdefghijk")
    assert Contact.objects.count() == 11, "records stay"
    assert second.load.report["created"] == 1


def test_changes_take_nobody_off(folder: Path, people_list: MarketingList) -> None:
    shop = scheduled(folder, marketing_list=people_list, holds=Holds.CHANGES)
    put(folder, "a", "b")
    read(shop)
    put(folder, "c")
    reading = read(shop)
    assert reading is not None
    assert (reading.joined, reading.left) == (1, 0)
    assert listed(people_list) == {"a", "b", "c"}


def test_too_many_missing_at_once_stay_until_somebody_says_so(folder: Path, people_list: MarketingList) -> None:
    shop = scheduled(folder, marketing_list=people_list)
    put(folder, *"abcdefghij")
    read(shop)
    put(folder, *"ab", "new")
    reading = read(shop)
    assert reading is not None
    assert (reading.joined, reading.left, reading.held, reading.known) == (1, 0, 8, 10)
    assert listed(people_list) == {*"abcdefghij", "new"}
    allow_leaving(scheduled_file=shop, number=8)
    shop.refresh_from_db()
    again = read(shop)
    assert again is not None
    assert (again.left, again.held) == (8, 0)
    assert listed(people_list) == {"a", "b", "new"}
    assert shop.allowed_leaving == 0, "once"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("E-mail,First name\n", id="nobody"),
        pytest.param("E-mail,First name\nnobody,x\nno one,y\nb@example.com,b\n", id="hardly understood"),
    ],
)
def test_nobody_leaves_for_a_file_that_cannot_be_believed(
    folder: Path, people_list: MarketingList, content: str
) -> None:
    shop = scheduled(folder, marketing_list=people_list, most_leaving_percent=60)
    put(folder, "a", "b")
    read(shop)
    (folder / "people.csv").write_text(content, encoding="utf-8")
    long_ago(folder / "people.csv")
    reading = read(shop)
    assert reading is not None
    assert reading.left == 0
    assert reading.held
    assert listed(people_list) == {"a", "b"}


def test_an_unchanged_file_is_not_loaded_again(folder: Path) -> None:
    shop = scheduled(folder)
    put(folder, "a")
    assert read(shop) is not None
    came = shop.came_at
    assert read(shop) is None
    assert shop.came_at == came, "nothing new came"
    assert FileLoad.objects.count() == 1
    assert read(shop, by_person=True) is not None, "but whoever presses the button means it"


def test_what_has_to_be_asked_waits_for_its_answer_and_is_not_loaded_over_and_over(folder: Path) -> None:
    shop = scheduled(folder)
    put(folder, "a", more="a@example.com,Another\n")
    reading = read(shop)
    assert reading is not None
    assert reading.load.state == LoadState.ASKS
    assert not Contact.objects.exists()
    assert read(shop) is None
    shop.choices = {"same_address": "last"}
    save_scheduled_file(scheduled_file=shop)
    assert read(shop, by_person=True) is not None
    assert Contact.objects.get().first_name == "Another"


def test_a_file_that_did_not_come_is_a_problem_until_it_comes(folder: Path) -> None:
    shop = scheduled(folder)
    assert read(shop) is None
    since = shop.problem_since
    assert "No such file" in shop.trouble
    with override("de"):
        assert shop.trouble == "Die Datei kann nicht gelesen werden: No such file or directory."
    assert read(shop) is None
    assert (shop.problem_since, shop.next_at > timezone.now()) == (since, True)
    put(folder, "a")
    assert read(shop) is not None
    assert (shop.trouble, shop.problem_since) == ("", None)


def test_a_fault_of_ours_is_told_and_not_repeated_every_minute(folder: Path) -> None:
    shop = scheduled(folder)
    put(folder, "a")
    ScheduledFile.objects.update(choices={"colour": "of an older version"})
    with pytest.raises(TypeError):
        read_scheduled_file(scheduled_file_id=shop.pk)
    shop.refresh_from_db()
    assert "Something went wrong here" in shop.trouble
    assert shop.problem_since is not None
    assert request_due_readings() == 0


def test_a_file_that_is_being_written_is_looked_at_a_little_later(folder: Path) -> None:
    shop = scheduled(folder)
    put(folder, "a")
    os.utime(folder / "people.csv")
    assert read(shop) is None
    assert shop.trouble == ""
    assert shop.next_at < timezone.now() + timedelta(minutes=2)


def test_the_schedule_asks_for_what_is_due_once_and_behind_the_rest(folder: Path) -> None:
    shop = scheduled(folder)
    scheduled_later = ScheduledFile.objects.create(
        name="Later", entity="crm.contact", url="/x", next_at=timezone.now() + timedelta(hours=1)
    )
    ScheduledFile.objects.create(name="Off", entity="crm.contact", url="/x", is_active=False)
    assert request_due_readings() == 1
    assert request_due_readings() == 0
    job = ProcrastinateJob.objects.get(task_name=READ_TASK)
    assert (job.args["scheduled_file_id"], job.queue_name) == (shop.pk, Queue.BULK)
    request_reading(scheduled_file=scheduled_later, by_person=True)
    assert ProcrastinateJob.objects.latest("pk").queue_name == Queue.PEOPLE
    put(folder, "a")
    read_scheduled_file(scheduled_file_id=shop.pk)
    assert ProcrastinateJob.objects.get(task_name=LOAD_TASK).queue_name == Queue.BULK


def test_what_cannot_work_is_refused_at_its_field(folder: Path, people_list: MarketingList) -> None:
    dynamic = create_list(name="By rule", entity="crm.contact")
    leads = create_list(name="Leads", entity="crm.lead", type=ListType.MANUAL)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("url", {"url": "ftp://example.com/a"}),
        ("entity", {"entity": "crm.account"}),
        ("marketing_list", {"marketing_list": dynamic}),
        ("marketing_list", {"marketing_list": leads}),
        ("every_minutes", {"every_minutes": 1}),
    ]
    for field, values in wrong:
        made = ScheduledFile(**{"name": "X", "entity": "crm.contact", "url": "/x", **values})
        with pytest.raises(ValidationError) as refused:
            save_scheduled_file(scheduled_file=made)
        assert list(refused.value.message_dict) == [field]


def test_two_files_do_not_take_each_others_people_off_a_list(folder: Path, people_list: MarketingList) -> None:
    shop = scheduled(folder, marketing_list=people_list)
    other = ScheduledFile(name="Fair", entity="crm.contact", url=str(folder / "fair.csv"), marketing_list=people_list)
    for holds in Holds:
        other.holds = holds
        with pytest.raises(ValidationError, match="The file “Shop” fills this list too"):
            save_scheduled_file(scheduled_file=other)
    shop.holds = other.holds = Holds.CHANGES
    save_scheduled_file(scheduled_file=shop)
    save_scheduled_file(scheduled_file=other)


def test_a_list_that_became_one_by_rule_is_told_in_words(folder: Path, people_list: MarketingList) -> None:
    shop = scheduled(folder, marketing_list=people_list)
    update_list(marketing_list=people_list, type=ListType.DYNAMIC)
    put(folder, "a")
    reading = read(shop)
    assert reading is not None
    assert (reading.load.state, reading.load.message_in_words) == (
        LoadState.FAILED,
        "Only a manual list is kept in step with a file.",
    )


def test_a_password_is_sealed_and_stays_until_another_is_given(folder: Path, settings: Any) -> None:
    shop = scheduled(folder)
    save_scheduled_file(scheduled_file=shop, secret="well hidden")
    sealed = shop.sealed_secret
    assert "well hidden" not in sealed
    save_scheduled_file(scheduled_file=shop)
    assert shop.sealed_secret == sealed
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one, which is long enough for anybody"
    assert [reseal_passwords().number, reseal_passwords().number] == [1, 0]
    settings.SECRET_KEY_FALLBACKS = []
    former, settings.SECRET_KEY = settings.SECRET_KEY, "a third one, which is also long enough for anybody"
    assert reseal_passwords() == Resealed(number=0, unreadable=(shop,))
    settings.SECRET_KEY = former
    shop.refresh_from_db()
    save_scheduled_file(scheduled_file=shop, secret="")
    assert shop.sealed_secret == ""


def test_a_stored_password_is_not_shown_to_another_server(folder: Path) -> None:
    shop = scheduled(folder)
    shop.url, shop.username = "sftp://files.example.com/a.csv", "mona"
    save_scheduled_file(scheduled_file=shop, secret="well hidden")
    sealed = shop.sealed_secret
    shop.url = "sftp://files.example.com/b.csv"
    save_scheduled_file(scheduled_file=shop)
    assert shop.sealed_secret == sealed
    for url in (
        "sftp://elsewhere.example.com/b.csv",
        "sftp://files.example.com:2222/b.csv",
        "http://files.example.com",
    ):
        shop.url = url
        with pytest.raises(ValidationError) as refused:
            save_scheduled_file(scheduled_file=shop)
        assert refused.value.message_dict.keys() == {"secret"}
    save_scheduled_file(scheduled_file=shop, secret="another one")
    shop.url, shop.username = "https://files.example.com/b.csv", ""
    save_scheduled_file(scheduled_file=shop)
    assert shop.sealed_secret == ""


def test_a_file_whose_next_time_a_wrong_clock_said_is_read_all_the_same(folder: Path) -> None:
    shop = scheduled(folder)
    ScheduledFile.objects.update(next_at=timezone.now() + timedelta(minutes=shop.every_minutes))
    assert request_due_readings() == 0
    ScheduledFile.objects.update(next_at=timezone.now() + timedelta(days=4_000))
    assert request_due_readings() == 1


SFTP = "sftp://files.example.com/people.csv"


def seen_key(**changed: Any) -> ScheduledFile:
    """A file of a server whose key was seen."""
    made = ScheduledFile(name="Shop", entity="crm.contact", url=SFTP, username="mona", **changed)
    save_scheduled_file(scheduled_file=made, secret="well hidden")
    ScheduledFile.objects.update(host_key="ssh-rsa first")
    made.refresh_from_db()
    return made


def test_the_key_of_a_server_is_forgotten_with_the_server_and_where_somebody_says_so_alone() -> None:
    shop = seen_key()
    shop.every_minutes = 30
    save_scheduled_file(scheduled_file=shop)
    assert ScheduledFile.objects.get().host_key == "ssh-rsa first"
    save_scheduled_file(scheduled_file=shop, forget_host_key=True)
    assert ScheduledFile.objects.get().host_key == ""
    ScheduledFile.objects.update(host_key="ssh-rsa second")
    shop.refresh_from_db()
    shop.url = "sftp://others.example.com/people.csv"
    save_scheduled_file(scheduled_file=shop, secret="another one")
    assert ScheduledFile.objects.get().host_key == ""


def test_a_reading_of_a_former_place_notes_nothing_of_the_new_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "a")
    shop = scheduled(folder)
    original = services.fetched

    def slow(*args: Any) -> Any:
        changed = ScheduledFile.objects.get()
        changed.url = str(folder / "later.csv")
        save_scheduled_file(scheduled_file=changed)
        return original(*args)

    monkeypatch.setattr(services, "fetched", slow)
    services.read_scheduled_file(scheduled_file_id=shop.pk)
    shop.refresh_from_db()
    assert (shop.came_at, shop.next_at <= timezone.now()) == (None, True)


def test_saving_leaves_what_a_reading_has_noted_meanwhile(folder: Path) -> None:
    shop = scheduled(folder)
    put(folder, "a")
    services.read_scheduled_file(scheduled_file_id=shop.pk)
    shop.every_minutes = 30
    save_scheduled_file(scheduled_file=shop)
    assert ScheduledFile.objects.get().came_at is not None


# The pages.


@pytest.fixture
def back_office(client: Client, folder: Path) -> Client:
    client.force_login(User.objects.create_superuser("mona", password="x"))
    return client


def form(folder: Path, **changed: Any) -> dict[str, Any]:
    return {
        "name": "Shop",
        "entity": "crm.contact",
        "url": str(folder / "people.csv"),
        "every_minutes": "60",
        "must_come_hours": "48",
        "holds": Holds.EVERYBODY,
        "most_leaving_percent": "20",
        "is_active": "on",
        **changed,
    }


def text_of(client: Client, name: str, *args: object) -> str:
    response = client.get(reverse(f"dotbridge:{name}", args=args))
    assert response.status_code == 200
    return str(response.content.decode())


def cells(page: str) -> set[str]:
    """What stands in the cells of figures."""
    return {text.strip() for text in re.findall(r'<td class="figure"[^>]*>([^<]*)<', page)}


def test_one_is_made_changed_read_and_deleted_on_its_pages(
    back_office: Client, folder: Path, people_list: MarketingList
) -> None:
    refused = back_office.post(reverse("dotbridge:scheduled-file-add"), form(folder, url="ftp://example.com/a"))
    assert "Give a path, or an address with https://" in refused.content.decode()
    made = form(folder, marketing_list=people_list.pk, secret="well hidden", same_address="last")
    back_office.post(reverse("dotbridge:scheduled-file-add"), made)
    shop = ScheduledFile.objects.get()
    assert shop.choices == {"same_address": "last"}
    settings_page = text_of(back_office, "scheduled-file-change", shop.pk)
    assert "well hidden" not in settings_page
    put(folder, *"abcdefghij")
    read_scheduled_file(scheduled_file_id=shop.pk)
    assert not cells(text_of(back_office, "scheduled-file", shop.pk)) - {"-"}, "nothing is loaded yet"
    (load,) = FileLoad.objects.all()
    run_load(load_id=load.pk)
    assert "people.csv" in text_of(back_office, "scheduled-file", shop.pk)
    assert cells(text_of(back_office, "scheduled-file", shop.pk)) == {"10", "0"}
    assert "in step" in text_of(back_office, "files")
    put(folder, "a")
    read(shop)
    home = text_of(back_office, "home")
    assert "9 of 10 people are missing in the file." in home
    leave = reverse("dotbridge:scheduled-file-leave", args=[shop.pk])
    assert leave in home
    assert "Let 9 of 10 people leave the list?" in back_office.get(leave).content.decode()
    back_office.post(leave, {"confirmed": "yes"})
    shop.refresh_from_db()
    read(shop)
    assert listed(people_list) == {"a"}
    back_office.post(reverse("dotbridge:scheduled-file-read", args=[shop.pk]))
    back_office.post(reverse("dotbridge:scheduled-file-delete", args=[shop.pk]), {"confirmed": "yes"})
    assert not ScheduledFile.objects.exists()
    assert listed(people_list) == {"a"}


def test_an_answer_to_a_question_about_fewer_people_lets_nobody_leave(
    folder: Path, people_list: MarketingList, back_office: Client
) -> None:
    """A newer reading misses more of them than the person was told of."""
    shop = missing_nine_of_ten(folder, people_list)
    leave = reverse("dotbridge:scheduled-file-leave", args=[shop.pk])
    page = back_office.post(leave, {"confirmed": "yes", "number": "3"}).content.decode()
    assert "more of them by now" in page
    assert "Let 9 of 10 people leave the list?" in page
    shop.refresh_from_db()
    assert shop.allowed_leaving == 0


def test_home_says_what_did_not_come_and_what_asks(back_office: Client, folder: Path) -> None:
    shop = scheduled(folder)
    put(folder, "a")
    read(shop)
    assert "the scheduled file needs you" not in text_of(back_office, "home")
    ScheduledFile.objects.update(came_at=timezone.now() - timedelta(hours=49))
    assert "No new file has come for 48 hours." in text_of(back_office, "home")
    ScheduledFile.objects.update(must_come_hours=1)
    assert "No new file has come for an hour." in text_of(back_office, "home")
    ScheduledFile.objects.update(must_come_hours=None)
    assert "needs you" not in text_of(back_office, "home")
    put(folder, "b", more="b@example.com,Another\n")
    reading = read(shop)
    assert reading is not None
    assert reverse("dotbridge:file", args=[reading.load_id]) in text_of(back_office, "home")
    (folder / "people.csv").unlink()
    read(shop)
    assert "No such file" in text_of(back_office, "home")
    ScheduledFile.objects.update(is_active=False)
    assert "needs you" not in text_of(back_office, "home")


def test_who_may_not_sees_and_does_nothing(folder: Path, logged_in: Callable[..., Client]) -> None:
    shop = scheduled(folder)
    of_crm = ("crm.add_contact", "crm.change_contact")
    names = ("scheduled-file", "scheduled-file-change", "scheduled-file-leave", "scheduled-file-delete")
    for client in (logged_in(*of_crm), logged_in("dotbridge_scheduled_files.view_scheduledfile")):
        for name in names:
            assert client.get(reverse(f"dotbridge:{name}", args=[shop.pk])).status_code == 403
        assert client.post(reverse("dotbridge:scheduled-file-read", args=[shop.pk])).status_code == 403
        assert client.get(reverse("dotbridge:scheduled-file-add")).status_code == 403
    viewer = logged_in(*of_crm, "dotbridge_scheduled_files.view_scheduledfile")
    assert "Read it now" not in text_of(viewer, "scheduled-file", shop.pk)
    assert "Shop" in text_of(viewer, "files")


def test_home_leads_only_to_files_that_its_reader_may_open(
    folder: Path, people_list: MarketingList, logged_in: Callable[..., Client]
) -> None:
    """Of a file that nobody but others may load it says nothing, and asks nobody to decide what they may not."""
    shop = missing_nine_of_ten(folder, people_list)
    sees, loads = ("dotbridge_scheduled_files.view_scheduledfile",), ("crm.add_contact", "crm.change_contact")
    page, leave = (reverse(f"dotbridge:{name}", args=[shop.pk]) for name in ("scheduled-file", "scheduled-file-leave"))
    assert "the scheduled file needs you" not in text_of(logged_in(*sees), "home")
    viewer = logged_in(*sees, *loads)
    home = text_of(viewer, "home")
    assert f'href="{page}"' in home
    assert leave not in home
    assert viewer.get(page).status_code == 200
    decides = ("dotbridge_scheduled_files.change_scheduledfile", "dotbridge_lists.change_marketinglist")
    assert leave in text_of(logged_in(*sees, *loads, *decides), "home")


def test_who_may_not_change_lists_fills_and_empties_none_by_a_file(
    folder: Path, people_list: MarketingList, logged_in: Callable[..., Client]
) -> None:
    rights = [f"dotbridge_scheduled_files.{verb}_scheduledfile" for verb in ("view", "add", "change")]
    client = logged_in("crm.add_contact", "crm.change_contact", "dotbridge_lists.view_marketinglist", *rights)
    client.post(reverse("dotbridge:scheduled-file-add"), form(folder, marketing_list=people_list.pk))
    made = ScheduledFile.objects.get()
    assert made.marketing_list is None
    assert client.get(reverse("dotbridge:scheduled-file-change", args=[made.pk])).status_code == 200
    ScheduledFile.objects.update(marketing_list=people_list)
    for name in ("scheduled-file-change", "scheduled-file-leave"):
        url = reverse(f"dotbridge:{name}", args=[made.pk])
        assert client.post(url, form(folder, url=str(folder / "others.csv"), confirmed="yes")).status_code == 403
    assert client.post(reverse("dotbridge:scheduled-file-read", args=[made.pk])).status_code == 403
    assert "Read it now" not in text_of(client, "scheduled-file", made.pk)
    made.refresh_from_db()
    assert made.url == str(folder / "people.csv")
