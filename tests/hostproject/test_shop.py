"""A shop of somebody else's, from its first check to the day it takes the product out again.

The kind: what works in our own project alone. Its second places are in the shop's models and settings: UUID keys,
several addresses a record, deleted records that stay in the table, records in two tables, a user model and apps of the
shop's own that are called as ours are, a plain admin and one with a theme, quoted table names, small keys by default.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.hostproject.shop_floor import ShopFloor
from tests.platform.place import until

FILL = """
from django.utils import timezone
from shop.models import Customer, CustomerEmail, Order, Region
north = Region.objects.create(code="north", name="North")
def customer(number, **more):
    made = Customer.everybody.create(first_name=f"Ann{number}", last_name="Byron", region=north, **more)
    CustomerEmail.objects.create(customer=made, email=f"old-{number}@example.com", is_primary=False)
    CustomerEmail.objects.create(customer=made, email=f"ann-{number}@example.com")
    return made
buyers = [customer(number, interests=["tea", "cups"], extra={"shoe_size": "38"}) for number in range(3)]
customer(7, interests=["tea"], deleted_at=timezone.now())
customer(8, interests=["coffee"])
for number, buyer in enumerate(buyers):
    Order.objects.create(customer=buyer, placed_at=timezone.now(), total=12, items=number)
"""
RULE = {
    "combinator": "and",
    "rules": [
        {"field": "interests", "operator": "contains", "value": "tea"},
        {"field": "extra__shoe_size", "operator": "=", "value": "38"},
        {"field": "full_name", "operator": "contains", "value": "Byron"},
        {"field": "order_count", "operator": ">=", "value": 1},
    ],
}
CONNECT = """
import os
from dotbridge.connections.services import connect_list, set_create_entities
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import AddressBook, DataField
mapping = Mapping.objects.get(entity="shop.customer")
field = DataField.objects.get(name="FIRSTNAME")
set_mapping_row(mapping=mapping, data_field=field, entity_fields=["first_name"], is_two_way=True)
for name, path in {"CARD": "loyalty_card", "INTERESTS": "interests", "SHOE": "extra__shoe_size"}.items():
    set_mapping_row(mapping=mapping, data_field=DataField.objects.get(name=name), entity_fields=[path])
faulty = create_list(
    name="Faulty",
    entity="shop.customer",
    rule={"combinator": "and", "rules": [{"field": "items_per_order", "operator": ">=", "value": 1}]},
)
connect_list(marketing_list=faulty, address_book=AddressBook.objects.get(name="A faulty list"))
resellers = create_list(name="Resellers", entity="crm.reseller")
link = connect_list(marketing_list=resellers, address_book=AddressBook.objects.get(name="Resellers"))
set_create_entities(link=link, create_entities=True)
made = create_list(name="Tea", entity="shop.customer", rule=json.loads(os.environ["RULE"]))
link = connect_list(marketing_list=made, address_book=AddressBook.objects.get(name="Tea drinkers"))
set_create_entities(link=link, create_entities=True)
"""

PRESS = """
from dotbridge.connections.services import request_import
from dotbridge.integrations.models import Integration
request_import(integration=Integration.objects.get())
"""

COUNTS = """
from django.db import connection
from shop.models import Customer
cursor = connection.cursor()
def number(table, condition):
    cursor.execute(f"SELECT count(*) FROM {table} WHERE {condition}")
    return cursor.fetchone()[0]
tell({
    "customers": Customer.everybody.count(),
    "their jobs": number("procrastinate_jobs", "queue_name NOT LIKE 'dotbridge%'"),
    "tables": number("pg_tables", "tablename LIKE 'dotbridge%'"),
    "triggers": number("pg_trigger", "tgname LIKE '%dotbridge%'"),
    "functions": number("pg_proc", "proname LIKE '%dotbridge%'"),
    "jobs": number("procrastinate_jobs", "queue_name LIKE 'dotbridge%'"),
    "rights": number("django_content_type", "app_label LIKE 'dotbridge%'"),
    "ready groups": number("auth_group", "name IN ('Marketer', 'Marketing manager', 'Administrator')"),
    "groups": number("auth_group", "true"),
    "what groups may": number("auth_group_permissions", "true"),
})
"""


@pytest.fixture(scope="module")
def connected(shop: ShopFloor) -> ShopFloor:
    """The shop with customers, a list by a rule over all their odd fields, connected and exported once."""
    shop.ask(FILL)
    for name in ("CARD", "INTERESTS", "SHOE"):
        shop.remote.create_field(name, "String")
    for name in ("Tea drinkers", "A faulty list", "Resellers"):
        shop.remote.create_book(name)
    shop.ask(
        "from dotbridge.integrations.services import create_integration\nimport os\n"
        "create_integration(name='Shop', username=os.environ['U'], password=os.environ['P'], base_url=os.environ['B'])",
        U=shop.sandbox.user,
        P=shop.sandbox.password,
        B=shop.sandbox.url,
    )
    imported = json.loads(shop.manage("dotbridge", "import", "--json"))
    assert imported["state"] == "succeeded", imported
    mapped = (
        "from dotbridge.mapping.models import Mapping\ntell(sorted(Mapping.objects.values_list('entity', flat=True)))"
    )
    assert shop.ask(mapped) == ["crm.reseller", "shop.customer"]
    shop.ask(CONNECT, RULE=json.dumps(RULE))
    shop.manage("dotbridge", "sync", "--wait", "20")
    return shop


@pytest.fixture(params=["project.settings", "project.settings_unfold"])
def admin(request: pytest.FixtureRequest, connected: ShopFloor) -> Iterator[str]:
    """Which admin the shop has: Django's plain one, or one with django-unfold's look."""
    connected.settings = request.param
    yield request.param
    connected.settings = "project.settings"


def values(shop: ShopFloor, email: str) -> dict[str, object]:
    """The data fields of a contact in the account."""
    found = shop.remote.find_contact(email)
    assert found is not None, email
    return {each["key"]: each["value"] for each in found["dataFields"]}


def test_it_starts_without_a_complaint_and_its_tables_are_as_we_made_them(connected: ShopFloor, admin: str) -> None:
    assert "no issues" in connected.manage("check", "--fail-level", "WARNING")
    assert "No changes" in connected.manage("makemigrations", "--check", "--dry-run")


def test_pages_of_both_open_and_the_shops_own_admin_is_as_it_was(connected: ShopFloor, admin: str) -> None:
    found = json.loads(connected.run("pages.py").stdout.splitlines()[-1])
    assert found["home"] == found["after_log_in"] == "/office/marketing/"
    assert found["without_log_in"] == "/office/marketing/login/?next=/office/marketing/"
    assert found["wrong"] == {}
    assert found["opened"] > 30
    assert found["ours_in_own_admin"] == []
    assert found["own_admin_of_users"] == "people.admin"
    own = ["Django administration"] if admin == "project.settings" else ["Own shop office", "unfold"]
    assert found["own_admin"] == own


def test_a_fault_of_a_registration_stops_nobody_else_and_is_told_with_its_line(connected: ShopFloor) -> None:
    """Of a list on each of its pages and in its runs; the second place is the preview of a rule."""
    told = connected.ask(
        "from django.test import Client\nfrom django.urls import reverse\n"
        "from django.contrib.auth import get_user_model\n"
        "from dotbridge.entities.registry import entity\nfrom dotbridge.lists.models import MarketingList\n"
        "from dotbridge.lists.previews import count_and_sample\nfrom dotbridge.sync.models import Rejection\n"
        "client, faulty = Client(), MarketingList.objects.get(name='Faulty')\n"
        "client.force_login(get_user_model().objects.filter(is_superuser=True).first() or"
        " get_user_model().objects.create_superuser('boss@example.com', 'long and invented'))\n"
        "page = client.get(reverse('dotbridge:list', args=[faulty.pk]))\n"
        "preview = count_and_sample(entity('shop.customer'), faulty.rule)\n"
        "tell({'page': page.content.decode(), 'preview': [each.text for each in preview.problems],"
        " 'run': list(Rejection.objects.filter(reason='list_unreadable').values_list('detail', flat=True))})"
    )
    for text in (told["page"], *told["preview"], *told["run"]):
        assert "division by zero (items_per_order, shop/list_entities.py:" in text
    assert told["preview"]
    assert told["run"]


def test_who_is_on_a_list_arrives_with_odd_fields_as_text(connected: ShopFloor) -> None:
    """Beside the three who are wanted: one who was deleted, one who drinks coffee, and the former addresses."""
    sent = values(connected, "ann-1@example.com")
    card = "from shop.models import Customer\ntell(Customer.living.get(first_name='Ann1').loyalty_card)"
    assert sent["CARD"] == connected.ask(card)
    assert (sent["INTERESTS"], sent["SHOE"], sent["FIRSTNAME"]) == ("tea, cups", "38", "Ann1")
    for nobody in ("ann-7@example.com", "ann-8@example.com", "old-1@example.com"):
        assert connected.remote.find_contact(nobody) is None


def test_what_changes_in_the_database_or_there_comes_to_the_other_side(connected: ShopFloor) -> None:
    connected.ask(
        "from shop.models import Customer\nfound = Customer.everybody.filter(first_name='Ann0')\n"
        "found.update(extra={'shoe_size': '38', 'hat': 1}, interests=['tea', 'milk'])"
    )
    found = connected.remote.find_contact("ann-2@example.com")
    assert found is not None
    fields = [{"key": "FIRSTNAME", "value": "Anna"}]
    connected.remote.ask("PUT", f"/v2/contacts/{found['id']}", {"email": found["email"], "dataFields": fields})
    connected.manage("dotbridge", "sync", "--wait", "20")
    connected.manage("dotbridge", "sync", "--wait", "20")
    assert values(connected, "ann-0@example.com")["INTERESTS"] == "tea, milk"
    names = "from shop.models import Customer\ntell(sorted(Customer.living.values_list('first_name', flat=True)))"
    assert "Anna" in connected.ask(names)


def test_somebody_new_there_becomes_a_record(connected: ShopFloor) -> None:
    """One belongs to another record, and its address stands in a table of its own: only the shop's own function can
    make it. Another one stands in two tables, and needs none."""
    books = {each["name"]: each["id"] for each in connected.remote.ask("GET", "/v2/address-books")}
    connected.remote.create_contact("new@example.com", book=books["Tea drinkers"], FIRSTNAME="Nora")
    connected.remote.create_contact("seller@example.com", book=books["Resellers"])
    connected.manage("dotbridge", "sync", "--wait", "20")
    made = (
        "from shop.models import CustomerEmail\nfound = CustomerEmail.objects.get(email='new@example.com')\n"
        "from crm.models import Reseller\n"
        "tell([found.customer.first_name, found.customer.region.name, Reseller.objects.get().email])"
    )
    assert connected.ask(made) == ["Nora", "North", "seller@example.com"]


def test_an_opt_out_there_counts_here(connected: ShopFloor) -> None:
    connected.sandbox.unsubscribe("ann-1@example.com")
    connected.manage("dotbridge", "sync", "--wait", "20")
    told = (
        "from dotbridge.lists.models import MarketingList\nfrom dotbridge.lists.selectors import opted_out_records\n"
        "tell(opted_out_records(MarketingList.objects.get(name='Tea')).count())"
    )
    assert connected.ask(told) == 1


def test_each_command_is_one_of_manage_pys_and_uses_the_shops_database(connected: ShopFloor) -> None:
    listed = connected.manage("dotbridge", "--help")
    for word in ("worker", "sync", "import", "export", "reconcile", "doctor", "keys", "consent"):
        assert word in listed
    told = connected.manage("dotbridge", "doctor", code=1)
    assert "embedded" not in told
    assert f"at {connected.database['HOST']}" in told
    assert "start `manage.py dotbridge worker`" in told
    planned = connected.run("manage.py", "dotbridge", "export", "--dry-run", "--json")
    assert [json.loads(line)["list"] for line in planned.stdout.splitlines()] == ["Resellers", "Tea"]
    assert (planned.returncode, len(planned.stderr.splitlines())) == (2, 1), "the faulty list, in one line"
    refused = connected.manage("dotbridge", "serve", code=2)
    assert "Your project serves its own pages" in refused
    assert "Every sealed day is as it was" in connected.manage("dotbridge", "consent", "verify")
    assert "usage: manage.py dotbridge consent erase" in connected.manage("dotbridge", "consent", "erase", "--help")


def test_the_command_line_speaks_english_where_the_pages_speak_german(connected: ShopFloor) -> None:
    german = {"DJANGO_SETTINGS_MODULE": "project.settings_german"}
    told = connected.manage("dotbridge", "doctor", code=1, **german)
    (line,) = [line for line in told.splitlines() if " account " in line]
    assert "Connected to" in line
    refused = connected.manage("dotbridge", "allow", "Tea", code=2, **german)
    assert "stopped" in refused
    said = connected.ask(
        "from django.core.management import call_command\nfrom django.utils.translation import gettext\n"
        "from contextlib import suppress\n"
        "with suppress(SystemExit):\n    call_command('dotbridge', 'doctor')\n"
        "print()\ntell(gettext('People'))",
        **german,
    )
    assert said == "Personen", "whoever calls a command from their code keeps their language"


def test_the_shops_jobs_are_the_shops_and_ours_are_ours(connected: ShopFloor) -> None:
    """A worker of ours leaves the shop's jobs alone; one of the shop's that takes everything fails none of ours."""
    connected.ask(
        f"from shop.tasks import count_stock, write_letter\ncount_stock.defer()\nwrite_letter.defer()\n{PRESS}"
    )
    jobs = (
        "from procrastinate.contrib.django.models import ProcrastinateJob as Job\n"
        "tell([[job.task_name, job.status] for job in Job.objects.order_by('id')])"
    )
    # The press alone: each minute the schedule asks for runs too, which begin at their own time.
    pressed = (
        "from procrastinate.contrib.django.models import ProcrastinateJob as Job\n"
        "tell(Job.objects.filter(queue_name='dotbridge_people').count())"
    )
    assert connected.ask(pressed) == 1
    ours = connected.start("manage.py", "dotbridge", "worker")
    try:
        until(lambda: connected.ask(pressed) == 0)
    finally:
        end(ours)
    left = [each for each in connected.ask(jobs) if each[0].startswith("shop.")]
    assert left == [["shop.count_stock", "todo"], ["shop.write_letter", "todo"]]
    connected.ask(PRESS)
    connected.manage("procrastinate", "worker", "--one-shot")
    assert [each for each in connected.ask(jobs) if each[1] == "failed"] == []
    assert ["shop.count_stock", "succeeded"] in connected.ask(jobs)


def test_cron_alone_does_what_is_due(connected: ShopFloor) -> None:
    """The schedule since the last call, what it asks for, and what a person pressed; the shop's jobs are the shop's."""
    connected.ask("from shop.tasks import write_letter\nwrite_letter.defer()\n" + PRESS)
    done = json.loads(connected.manage("dotbridge", "run-due", "--json"))
    assert done["is_all"]
    # What was pressed at least: what the schedule asks for in this minute a worker before may have done.
    assert done["jobs"] >= 1
    runs = "from dotbridge.sync.models import SyncRun\ntell(sorted({str(run.kind) for run in SyncRun.objects.all()}))"
    assert {"import", "data_fields"} <= set(connected.ask(runs))
    left = "from procrastinate.contrib.django.models import ProcrastinateJob as Job\n"
    left += "tell([job.task_name for job in Job.objects.filter(status='todo')])"
    assert [name for name in connected.ask(left) if not name.startswith("dotbridge.")][-1:] == ["shop.write_letter"]
    daily = "from dotbridge.sync.models import SyncRun\ntell(SyncRun.objects.filter(kind='data_fields').count())"
    before = connected.ask(daily)
    assert json.loads(connected.manage("dotbridge", "run-due", "--json"))["is_all"]
    assert connected.ask(daily) == before, "what was due once is not due again"
    # Cron sees one minute in many, and what an interval has passed for is due in each of them.
    connected.ask(
        "from dotbridge.sync.models import SyncRun\nSyncRun.objects.update(started_at='2026-01-01T00:00:00Z')"
    )
    connected.manage("dotbridge", "run-due", "--json")
    since = "from dotbridge.sync.models import SyncRun\n"
    since += "tell(sorted({str(run.kind) for run in SyncRun.objects.filter(started_at__gt='2026-01-02T00:00:00Z')}))"
    assert {"changes", "export", "import"} <= set(connected.ask(since))


def test_cron_asks_once_and_not_all_the_time_for_what_waits_for_calls(connected: ShopFloor) -> None:
    connected.ask(
        "from datetime import timedelta\nfrom django.utils import timezone\n"
        "from dotbridge.connections.services import request_run\n"
        "from dotbridge.integrations.models import Integration\nfrom dotbridge.sync.models import SyncRun\n"
        "account, until = Integration.objects.get(), timezone.now() + timedelta(seconds=100)\n"
        "SyncRun.objects.all().delete()\n"
        "SyncRun.objects.create(integration=account, kind='import', trigger='schedule', state='waiting',"
        " started_at=timezone.now(), waits_until=until)\n"
        "request_run(integration=account, kind='import', trigger='schedule', at=until)"
    )
    connected.manage("dotbridge", "run-due", "--seconds", "20", "--json")
    runs = "from dotbridge.sync.models import SyncRun\ntell(SyncRun.objects.count())"
    number = connected.ask(runs)
    connected.ask(f"{runs}\nSyncRun.objects.update(state='partial', waits_until=None)")
    assert number < 10, "one of each kind at most"


def test_without_the_right_to_make_triggers_the_doctor_says_so(connected: ShopFloor) -> None:
    """The second place is a table that is not there yet: of both somebody can do something, of a view nobody can."""
    connected.ask(
        "from django.db import connection\n"
        "connection.cursor().execute('CREATE ROLE shop_clerk LOGIN;"
        " GRANT ALL ON ALL TABLES IN SCHEMA public TO shop_clerk;"
        " GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO shop_clerk;"
        " REVOKE TRIGGER ON shop_customer FROM shop_clerk')"
    )
    try:
        told = connected.manage("dotbridge", "doctor", code=1, SHOP_DATABASE_USER="shop_clerk")
    finally:
        connected.ask(
            "from django.db import connection\n"
            "connection.cursor().execute('DROP OWNED BY shop_clerk; DROP ROLE shop_clerk')"
        )
    (line,) = (line for line in told.splitlines() if "change tracking" in line)
    assert line.startswith("FAIL")
    assert "The database user may not create triggers on shop_customer." in line
    assert "GRANT TRIGGER" in line


def test_taken_out_it_leaves_the_shop_as_it_was(connected: ShopFloor) -> None:
    """Last of all. Beside the tables these are the triggers on the shop's own, jobs, and rights."""
    own = "Permission.objects.get(codename='delete_order')"
    connected.ask(
        "from django.contrib.auth.models import Group, Permission\n"
        f"Group.objects.get(name='Auditor').permissions.add({own})"
    )
    before = connected.ask(COUNTS)
    assert before["triggers"] > 0
    assert before["ready groups"] == 3
    assert "Run it again with" in connected.manage("dotbridge", "remove")
    assert connected.ask(COUNTS) == before
    connected.manage("dotbridge", "remove", "--yes")
    nothing = dict.fromkeys(("tables", "triggers", "functions", "jobs", "rights", "ready groups"), 0)
    left = {"groups": before["groups"] - 3, "what groups may": 1}
    assert connected.ask(COUNTS) == {**before, **nothing, **left}, "the group that the shop uses too stays with that"
    assert "Taken out" in connected.manage("dotbridge", "remove", "--yes")
    connected.ask("from shop.models import Customer\nCustomer.everybody.update(first_name='Free')")
    connected.manage("migrate", "-v", "0")
    assert connected.ask(COUNTS)["tables"] == before["tables"]


def end(program: subprocess.Popen[str]) -> None:
    """Ask it to stop, and wait until it has."""
    program.terminate()
    assert program.wait(30) == 0
