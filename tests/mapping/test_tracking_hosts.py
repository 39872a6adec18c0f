"""What a host of any kind may have: its say by signals, inherited models, hidden relations, tables without triggers."""
# ruff: noqa: DJ008 - nobody reads the names of these records

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models, transaction
from django.dispatch import Signal
from django.test.utils import isolate_apps

from dotbridge.crm.models import Account, Contact, ContactEmail, Lead
from dotbridge.entities import registry
from dotbridge.entities.registry import Entity, FieldKind, VirtualField, entity, register
from dotbridge.integrations.models import ForcedComparison, Integration
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.signals import build_mapping_tracked_fields, forced_comparison_chosen
from dotbridge.mapping.tracking.fields import TrackedFields
from dotbridge.mapping.tracking.forcing import force_comparison
from dotbridge.mapping.tracking.installing import install_tracking
from dotbridge.mapping.tracking.relations import Untrackable, watched_for
from dotbridge.mapping.tracking.shown import unseen_fields
from tests.mapping.tracking_world import (
    compare,
    compares_everything,
    dirty,
    execute,
    log,
    make_integration,
    map_fields,
    quiet,
    tracked_tables,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listen() -> Iterator[Callable[[Signal, Callable[..., None]], None]]:
    """Receivers for this test alone."""
    connected: list[tuple[Signal, Any]] = []

    def connect(signal: Signal, receiver: Callable[..., None]) -> None:
        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))

    yield connect
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registered entities, and those that the test adds."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))


@pytest.fixture
def house(own_registry: None) -> Iterator[House]:
    with isolate_apps("dotbridge.crm"):
        made = House()
    with connection.schema_editor() as editor:
        for model in made.models:
            editor.create_model(model)
    yield made
    Mapping.objects.all().delete()
    with connection.schema_editor() as editor:
        for model in reversed(made.models):
            editor.delete_model(model)


class House:
    """A host with an inherited entity, tags, visits that the entity does not know of, and regions of regions."""

    def __init__(self) -> None:
        class Country(models.Model):
            name = models.TextField()

            class Meta:
                app_label = "crm"

        class Region(models.Model):
            code = models.CharField(max_length=20, primary_key=True)
            name = models.TextField()
            country = models.ForeignKey(Country, models.CASCADE)

            class Meta:
                app_label = "crm"

        class Tag(models.Model):
            name = models.TextField()

            class Meta:
                app_label = "crm"

        class Person(models.Model):
            name = models.TextField()
            email = models.TextField()

            class Meta:
                app_label = "crm"

        class Patient(Person):
            ward = models.TextField()
            region = models.ForeignKey(Region, models.CASCADE, null=True)
            tags = models.ManyToManyField(Tag)

            class Meta:
                app_label = "crm"

        class Visit(models.Model):
            patient = models.ForeignKey(Patient, models.CASCADE, related_name="+")
            reason = models.TextField()

            class Meta:
                app_label = "crm"

        self.country, self.region, self.tag, self.person = Country, Region, Tag, Person
        self.patient, self.visit = Patient, Visit
        self.models = (Country, Region, Tag, Person, Patient, Visit)

    def register(self, **options: Any) -> Entity:
        fields = ["name", "ward", "region__name", "region__country__name"]
        return register(self.patient, email="email", fields=fields, **options)


def virtual(name: str, *reads: str) -> VirtualField:
    return VirtualField(
        name=name, label=name, kind=FieldKind.STRING, expression=models.functions.Upper("ward"), reads=reads
    )


def test_fields_of_a_parents_table_and_relations_of_relations(house: House) -> None:
    house.register()
    country = house.country.objects.create(name="A")
    region = house.region.objects.create(code="r-1", name="North", country=country)
    ann, bob = (house.patient.objects.create(name="N", email="e", ward="1", region=region) for _number in range(2))
    nobody = house.person.objects.create(name="N", email="e")
    mapping = map_fields(make_integration(), "crm.patient", "name", "ward", "region__name", "region__country__name")
    quiet()

    house.person.objects.filter(pk__in=[ann.pk, nobody.pk]).update(name="X")
    assert dirty(mapping) == {ann.pk}
    quiet()
    house.patient.objects.filter(pk=bob.pk).update(ward="2")
    assert dirty(mapping) == {bob.pk}
    quiet()
    house.region.objects.update(name="South")
    assert dirty(mapping) == {ann.pk, bob.pk}
    quiet()
    house.country.objects.update(name="B")
    assert dirty(mapping) == {ann.pk, bob.pk}
    quiet()
    house.region.objects.update(country=house.country.objects.create(name="C"))
    assert dirty(mapping) == {ann.pk, bob.pk}
    quiet()
    gone = bob.pk
    bob.delete()
    assert dirty(mapping) == {gone}


def test_what_a_virtual_field_reads_over_any_relation(house: House) -> None:
    house.register(virtual_fields=[virtual("tag_names", "tags__name")])
    ann, bob = (house.patient.objects.create(name="N", email="e", ward="1") for _number in range(2))
    tag = house.tag.objects.create(name="old")
    ann.tags.add(tag)
    mapping = map_fields(make_integration(), "crm.patient", "tag_names")
    quiet()

    house.tag.objects.update(name="new")
    assert dirty(mapping) == {ann.pk}
    quiet()
    bob.tags.add(tag)
    assert dirty(mapping) == {bob.pk}
    quiet()
    ann.tags.clear()
    assert dirty(mapping) == {ann.pk}


def test_a_model_that_the_entity_knows_nothing_of(house: House, listen: Any) -> None:
    house.register(virtual_fields=[virtual("last_reason")])

    def track(tracked: TrackedFields, **_said: object) -> None:
        tracked.add("crm.patient", "last_reason", model=house.visit, leads_by="patient", reads=["reason"])

    ann, bob = (house.patient.objects.create(name="N", email="e", ward="1") for _number in range(2))
    mapping = map_fields(make_integration(), "crm.patient", "last_reason")
    assert [str(name) for name, _reason in unseen_fields(mapping)] == ["last_reason"]
    listen(build_mapping_tracked_fields, track)
    assert install_tracking().installed == ["crm_visit"]
    assert unseen_fields(mapping) == []
    quiet()

    visit = house.visit.objects.create(patient=ann, reason="cold")
    assert dirty(mapping) == {ann.pk}
    quiet()
    house.visit.objects.update(patient=bob)
    assert dirty(mapping) == {ann.pk, bob.pk}
    quiet()
    visit.delete()
    assert dirty(mapping) == {bob.pk}


def test_a_host_takes_a_field_away(listen: Any) -> None:
    lead = Lead.objects.create(company="Acme")
    mapping = map_fields(make_integration(), "crm.lead", "company", "source")

    def track(tracked: TrackedFields, **_said: object) -> None:
        tracked.remove("crm.lead", "company")

    listen(build_mapping_tracked_fields, track)
    install_tracking()
    quiet()
    Lead.objects.update(company="Other")
    assert log() == []
    Lead.objects.update(source="fair")
    assert dirty(mapping) == {lead.pk}
    assert unseen_fields(mapping) == []


def test_a_receiver_that_fails_stops_nobody(listen: Any, caplog: pytest.LogCaptureFixture) -> None:
    def fail(**_said: object) -> None:
        raise ValueError("This host is wrong.")

    lead = Lead.objects.create(company="Acme")
    listen(build_mapping_tracked_fields, fail)
    mapping = map_fields(make_integration(), "crm.lead", "company")
    quiet()
    Lead.objects.update(company="Other")
    assert dirty(mapping) == {lead.pk}
    assert "This host is wrong." in caplog.text


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"reads": ["no_such_field"]}, "no_such_field"),
        ({"reads": ["email"], "model": ContactEmail, "leads_by": "nobody"}, "nobody"),
        ({"reads": ["email"], "model": ContactEmail, "leads_by": "email"}, "email"),
        ({"reads": ["nothing"], "model": ContactEmail, "leads_by": "contact"}, "nothing"),
        ({"reads": ["email"], "model": Lead, "leads_by": "id"}, "does not lead to"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_name(said: dict[str, Any], why: str) -> None:
    with pytest.raises(Untrackable, match=why):
        TrackedFields().add("crm.contact", "full_name", **said)


def test_a_generic_relation_is_not_followed() -> None:
    """Its rows name records of any model, so their keys alone do not say whose they are."""
    with isolate_apps("dotbridge.crm"):

        class Remark(models.Model):
            content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+")
            object_id = models.BigIntegerField()
            about = GenericForeignKey()
            text = models.TextField()

            class Meta:
                app_label = "crm"

        class Donor(models.Model):
            remarks = GenericRelation(Remark)

            class Meta:
                app_label = "crm"

    with pytest.raises(Untrackable, match="generic"):
        watched_for(Donor, "remarks__text")


def test_a_table_that_becomes_a_parent_is_not_tracked_any_more_and_compared_instead() -> None:
    mapping = map_fields(make_integration(), "crm.lead", "company")
    quiet()
    assert "crm_lead" in tracked_tables()
    execute("CREATE TABLE crm_lead_old () INHERITS (crm_lead)")
    try:
        assert install_tracking().removed
        assert tracked_tables() == {}
        assert compares_everything(mapping)
        reasons = {str(name): str(reason) for name, reason in unseen_fields(mapping)}
        assert reasons["Company"] == "crm_lead is partitioned or inherited."
    finally:
        execute("DROP TABLE crm_lead_old")
    assert install_tracking().installed == ["crm_lead"]


def test_of_a_field_over_two_tables_the_one_that_can_be_tracked_is() -> None:
    map_fields(make_integration(), "crm.contact", "account__name")
    quiet()
    assert {"crm_contact", "crm_account"} <= set(tracked_tables())
    for parent, other in (("crm_contact", "crm_account"), ("crm_account", "crm_contact")):
        execute(f"CREATE TABLE crm_child () INHERITS ({parent})")
        try:
            install_tracking()
            assert parent not in tracked_tables()
            assert other in tracked_tables()
        finally:
            execute("DROP TABLE crm_child")


@pytest.mark.parametrize(
    "change",
    [
        "DISABLE TRIGGER dotbridge_track_update",
        # A trigger of another name is not one that we know to be there.
        "RENAME",
    ],
)
def test_triggers_that_somebody_switched_off_are_put_on_again(change: str) -> None:
    mapping = map_fields(make_integration(), "crm.lead", "company")
    quiet()
    if change == "RENAME":
        execute("ALTER TRIGGER dotbridge_track_update ON crm_lead RENAME TO somebody_elses")
    else:
        execute(f"ALTER TABLE crm_lead {change}")
    assert install_tracking().installed == ["crm_lead"]
    assert compares_everything(mapping)
    assert install_tracking().installed == []


def test_a_model_over_a_view_is_not_tracked(own_registry: None) -> None:
    with isolate_apps("dotbridge.crm"):

        class Reader(models.Model):
            email = models.TextField()
            company = models.TextField()

            class Meta:
                app_label = "crm"
                managed = False
                db_table = "crm_reader"

    register(Reader, email="email")
    mapping = map_fields(make_integration(), "crm.reader", "company")
    assert "not managed by Django" in str(unseen_fields(mapping)[-1].reason)
    Reader._meta.managed = True
    assert str(unseen_fields(mapping)[-1].reason) == "The table crm_reader does not exist yet."
    execute("CREATE VIEW crm_reader AS SELECT id, email, company FROM crm_lead")
    try:
        assert str(unseen_fields(mapping)[-1].reason) == "crm_reader is a view."
        assert tracked_tables() == {}
    finally:
        execute("DROP VIEW crm_reader")


def test_whoever_may_write_to_the_table_is_not_stopped_by_us() -> None:
    lead = Lead.objects.create(company="Acme")
    mapping = map_fields(make_integration(), "crm.lead", "company")
    quiet()
    with transaction.atomic():
        execute("CREATE ROLE dotbridge_test_writer")
        execute("GRANT SELECT, UPDATE ON crm_lead TO dotbridge_test_writer")
        execute("SET LOCAL search_path = pg_catalog")
        execute("SET LOCAL ROLE dotbridge_test_writer")
        execute("UPDATE public.crm_lead SET company = 'Other'")
        execute("RESET ROLE")
        execute("SET LOCAL search_path = public")
        assert dirty(mapping) == {lead.pk}
        transaction.set_rollback(True)


@pytest.fixture
def of_each_kind() -> dict[str, Mapping]:
    """A mapping of plain fields, one with a virtual field, both compared a moment ago."""
    integration = make_integration()
    made = {
        "plain": map_fields(integration, "crm.contact", "first_name"),
        "virtual": map_fields(integration, "crm.lead", "full_name"),
    }
    map_fields(make_integration("Other"), "crm.lead", "days_since_created")
    quiet()
    return made


def stale(made: dict[str, Mapping]) -> set[str]:
    assert not compares_everything(Mapping.objects.get(integration__name="Other"))
    return {name for name, mapping in made.items() if compares_everything(mapping)}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (ForcedComparison.NONE, set()),
        (ForcedComparison.VIRTUAL, {"virtual"}),
        (ForcedComparison.ALWAYS, {"plain", "virtual"}),
    ],
)
def test_what_is_compared_every_night(of_each_kind: dict[str, Mapping], choice: str, wanted: set[str]) -> None:
    integration = of_each_kind["plain"].integration
    integration.forced_comparison = choice
    assert force_comparison(integration=integration) == len(wanted)
    assert stale(of_each_kind) == wanted


def test_untracked_fields_are_compared_like_virtual_ones(of_each_kind: dict[str, Mapping]) -> None:
    execute("CREATE TABLE crm_contact_old () INHERITS (crm_contact)")
    try:
        install_tracking()
        quiet()
        force_comparison(integration=of_each_kind["plain"].integration)
        assert stale(of_each_kind) == {"plain", "virtual"}
    finally:
        execute("DROP TABLE crm_contact_old")


def test_a_host_changes_what_is_compared(of_each_kind: dict[str, Mapping], listen: Any) -> None:
    def choose(integration: Integration, mappings: set[Mapping], **_said: object) -> None:
        assert mappings == {of_each_kind["virtual"]}
        mappings.clear()
        mappings.add(of_each_kind["plain"])
        mappings.add(Mapping.objects.get(integration__name="Other"))

    listen(forced_comparison_chosen, choose)
    assert force_comparison(integration=of_each_kind["plain"].integration) == 1
    assert stale(of_each_kind) == {"plain"}, "another account's mappings are not its to choose"


def test_a_mapping_of_an_entity_that_is_gone_disturbs_nobody() -> None:
    integration = make_integration()
    lead, contact = Lead.objects.create(company="Acme"), Contact.objects.create(first_name="Ann")
    before = map_fields(integration, "crm.lead", "company")
    gone = map_fields(integration, "crm.customer", "name")
    after = map_fields(integration, "crm.contact", "first_name")
    quiet()
    Mapping.objects.filter(pk=gone.pk).update(entity="crm.nobody")
    Lead.objects.update(company="Other")
    Contact.objects.update(first_name="Anna")
    assert (dirty(before), dirty(after)) == ({lead.pk}, {contact.pk})
    assert force_comparison(integration=integration) == 1


def test_the_example_host_says_what_its_virtual_fields_read() -> None:
    named = {field.path: field.reads for field in entity("crm.contact").fields if field.is_virtual}
    assert named["full_name"] == ("first_name", "last_name")
    acme = Account.objects.create(name="Acme")
    ann = Contact.objects.create(first_name="Ann", account=acme)
    mapping = map_fields(make_integration(), "crm.contact", "full_name", "primary_email")
    quiet()
    ContactEmail.objects.create(contact=ann, email="ann@example.com", is_primary=True)
    assert dirty(mapping) == {ann.pk}


def test_a_schema_may_have_any_name() -> None:
    lead = Lead.objects.create(company="Acme")
    with transaction.atomic():
        execute('CREATE SCHEMA "Our Marketing"')
        execute('ALTER TABLE dotbridge_mapping_change SET SCHEMA "Our Marketing"')
        execute('SET LOCAL search_path = "Our Marketing", public')
        mapping = map_fields(make_integration(), "crm.lead", "company")
        assert install_tracking().installed == ["crm_lead"]
        assert install_tracking().installed == []
        quiet()
        Lead.objects.update(company="Other")
        assert dirty(mapping) == {lead.pk}
        transaction.set_rollback(True)


def test_a_table_that_lost_a_column_on_the_way_holds_up_no_other_changes(own_registry: None) -> None:
    """As while a host's migration is still to come."""
    integration = make_integration()
    of_contacts = map_fields(integration, "crm.contact", "account__name", "first_name")
    of_leads = map_fields(integration, "crm.lead", "company")
    account = Account.objects.create(name="Old")
    contact = Contact.objects.create(first_name="Ann", account=account)
    lead = Lead.objects.create(company="Old")
    quiet()
    compare(of_contacts)
    execute("ALTER TABLE crm_contact RENAME account_id TO renamed_id")
    try:
        Account.objects.update(name="New")
        Lead.objects.update(company="New")
        execute("UPDATE crm_contact SET first_name = 'Anna'")
        assert dirty(of_leads) == {lead.pk}
        assert compares_everything(of_contacts)
        Lead.objects.create(company="Another")
        assert len(dirty(of_leads)) == 2
    finally:
        execute("ALTER TABLE crm_contact RENAME renamed_id TO account_id")
    quiet()
    Account.objects.update(name="Newer")
    assert dirty(of_contacts) == {contact.pk}
