import django.db.models.functions.datetime
from django.db import migrations, models

from dotbridge.consent.guard import GUARD, UNGUARD


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='ConsentDay',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False, verbose_name='day')),
                ('events', models.BigIntegerField(verbose_name='events')),
                ('digest', models.BinaryField()),
                ('sealed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='sealed')),
            ],
            options={
                'verbose_name': 'sealed day',
                'verbose_name_plural': 'sealed days',
                'ordering': ['day'],
            },
        ),
        migrations.CreateModel(
            name='ConsentKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed', models.TextField(editable=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'verbose_name': 'consent key',
                'verbose_name_plural': 'consent keys',
            },
        ),
        migrations.CreateModel(
            name='ErasedAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address_hash', models.BinaryField(unique=True)),
                ('bucket', models.IntegerField(db_index=True)),
                ('erased_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='erased')),
                ('deleted_there_until', models.DateTimeField(editable=False, null=True)),
                ('event_id', models.BigIntegerField(verbose_name='event')),
            ],
            options={
                'verbose_name': 'erased address',
                'verbose_name_plural': 'erased addresses',
            },
        ),
        migrations.CreateModel(
            name='ConsentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('learned_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='learned')),
                ('happened_at', models.DateTimeField(verbose_name='happened')),
                ('scope', models.CharField(choices=[('everything', 'Everything'), ('account', 'A Dotdigital account'), ('book', 'An address book'), ('list', 'A marketing list')], max_length=16, verbose_name='scope')),
                ('scope_id', models.BigIntegerField(default=0, verbose_name='which')),
                ('what', models.CharField(choices=[('opted_out', 'Opted out'), ('bounced', 'Bounced'), ('complained', 'Complained'), ('blocked', 'Blocked'), ('erased', 'Erased'), ('opted_in', 'Opted in'), ('taken_back', 'Taken back')], max_length=16, verbose_name='what')),
                ('source', models.CharField(choices=[('person', 'A person, in the back office'), ('crm', 'The CRM'), ('file', 'A contact file'), ('api', 'The API'), ('feed', 'Dotdigital'), ('report', 'Dotdigital, refusing an upload')], max_length=16, verbose_name='source')),
                ('status', models.CharField(blank=True, max_length=64, verbose_name="Dotdigital's word")),
                ('email_key', models.TextField(blank=True, db_collation='C', verbose_name='e-mail, normalised')),
                ('entity', models.CharField(blank=True, max_length=100, verbose_name='entity')),
                ('record_id', models.CharField(blank=True, max_length=255, verbose_name='record')),
                ('remote_id', models.BigIntegerField(null=True, verbose_name='id in Dotdigital')),
                ('evidence', models.TextField(blank=True, verbose_name='evidence')),
                ('actor', models.CharField(blank=True, max_length=255, verbose_name='by')),
                ('consent_text', models.TextField(blank=True, default='', verbose_name='text agreed to')),
                ('url', models.TextField(blank=True, default='', verbose_name='page')),
                ('ip_address', models.TextField(blank=True, default='', verbose_name='IP address')),
                ('user_agent', models.TextField(blank=True, default='', verbose_name='browser')),
                ('address_hash', models.BinaryField(null=True)),
                ('details_hash', models.BinaryField(null=True)),
            ],
            options={
                'verbose_name': 'consent event',
                'verbose_name_plural': 'consent events',
                'ordering': ['id'],
                'indexes': [models.Index(condition=models.Q(('email_key', ''), _negated=True), fields=['email_key'], name='consent_event_address'), models.Index(condition=models.Q(('record_id', ''), _negated=True), fields=['entity', 'record_id'], name='consent_event_record'), models.Index(condition=models.Q(('consent_text', ''), _negated=True), fields=['email_key'], name='consent_event_proof'), models.Index(fields=['learned_at'], name='consent_event_learned')],
            },
        ),
        migrations.CreateModel(
            name='ConsentState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('everything', 'Everything'), ('account', 'A Dotdigital account'), ('book', 'An address book'), ('list', 'A marketing list')], max_length=16, verbose_name='scope')),
                ('scope_id', models.BigIntegerField(default=0, verbose_name='which')),
                ('kind', models.CharField(choices=[('address', 'An address'), ('record', 'A record, under any address'), ('shared', 'An address that a record which may not be mailed shares')], max_length=8, verbose_name='kind')),
                ('entity', models.CharField(blank=True, max_length=100, verbose_name='entity')),
                ('subject', models.TextField(db_collation='C', verbose_name='address or record')),
                ('remote_id', models.BigIntegerField(null=True, verbose_name='id in Dotdigital')),
                ('is_blocked', models.BooleanField(verbose_name='may not be mailed')),
                ('what', models.CharField(choices=[('opted_out', 'Opted out'), ('bounced', 'Bounced'), ('complained', 'Complained'), ('blocked', 'Blocked'), ('erased', 'Erased'), ('opted_in', 'Opted in'), ('taken_back', 'Taken back')], max_length=16, verbose_name='what')),
                ('source', models.CharField(choices=[('person', 'A person, in the back office'), ('crm', 'The CRM'), ('file', 'A contact file'), ('api', 'The API'), ('feed', 'Dotdigital'), ('report', 'Dotdigital, refusing an upload')], max_length=16, verbose_name='source')),
                ('status', models.CharField(blank=True, max_length=64, verbose_name="Dotdigital's word")),
                ('since', models.DateTimeField(verbose_name='since')),
                ('last_out_at', models.DateTimeField(null=True, verbose_name='last word against it')),
                ('event_id', models.BigIntegerField(verbose_name='event')),
            ],
            options={
                'verbose_name': 'consent',
                'verbose_name_plural': 'consents',
                'indexes': [models.Index(condition=models.Q(('is_blocked', True)), fields=['scope', 'scope_id'], name='consent_blocked'), models.Index(condition=models.Q(('is_blocked', True)), fields=['since'], name='consent_blocked_since'), models.Index(fields=['subject'], name='consent_subject')],
                'constraints': [models.UniqueConstraint(fields=('scope', 'scope_id', 'kind', 'entity', 'subject'), name='consent_once')],
            },
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
