import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('dotbridge_integrations', '0001_initial'),
        ('dotbridge_lists', '0001_initial'),
        ('dotbridge_mirror', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ListConnection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('unsubscribes_book', models.BooleanField(default=False, help_text='Whoever opts out of the list is also unsubscribed from the address book in Dotdigital. Otherwise they are only taken out of it.', verbose_name='an opt-out unsubscribes from the book')),
                ('always_put_back', models.BooleanField(default=False, help_text='Send members again who were taken out of the address book, or deleted, in Dotdigital.', verbose_name='always put back')),
                ('create_entities', models.BooleanField(default=False, help_text='Make a record of each contact of the book whose address no record has.', verbose_name='create new entities')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='connected')),
                ('compared_as', models.CharField(blank=True, help_text='How values were made when all were compared. Where it differs, all are compared again.', max_length=64)),
                ('stopped_at', models.DateTimeField(editable=False, null=True, verbose_name='stopped since')),
                ('stopped_rows', models.IntegerField(default=0, verbose_name='how many it concerned')),
                ('stopped_of', models.IntegerField(default=0, verbose_name='of how many')),
                ('allowed_rows', models.IntegerField(editable=False, null=True, verbose_name='how many are allowed once')),
                ('allowed_at', models.DateTimeField(editable=False, null=True, verbose_name='allowed')),
                ('address_book', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='connection', to='dotbridge_mirror.addressbook', verbose_name='address book')),
                ('allowed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='allowed by')),
                ('marketing_list', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='connection', to='dotbridge_lists.marketinglist', verbose_name='marketing list')),
            ],
            options={
                'verbose_name': 'connection',
                'verbose_name_plural': 'connections',
                'ordering': ['marketing_list__name'],
            },
        ),
        migrations.CreateModel(
            name='BookOfList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('book_id', models.BigIntegerField(verbose_name='address book')),
                ('account_id', models.BigIntegerField(verbose_name='account')),
                ('read_at', models.DateTimeField(editable=False, null=True)),
                ('marketing_list', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='dotbridge_lists.marketinglist', verbose_name='marketing list')),
            ],
            options={
                'verbose_name': 'address book of a list',
                'verbose_name_plural': 'address books of lists',
                'constraints': [models.UniqueConstraint(fields=('marketing_list', 'book_id'), name='book_of_list_once')],
            },
        ),
        migrations.CreateModel(
            name='Ending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message', models.TextField(blank=True, verbose_name='what it waits for')),
                ('takes_out', models.BooleanField(default=True, help_text='Without it the contacts stay in the address book, and only our notes about them go.', verbose_name='take the contacts out')),
                ('state', models.CharField(choices=[('waiting', 'Waiting for the worker'), ('failed', 'Given up')], default='waiting', max_length=8, verbose_name='state')),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts')),
                ('due_at', models.DateTimeField(editable=False, null=True, verbose_name='tried again from')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='asked for')),
                ('is_final', models.BooleanField(default=False, editable=False)),
                ('next_book', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='dotbridge_mirror.addressbook', verbose_name='next address book')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked by')),
                ('connection', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='ending', to='dotbridge_connections.listconnection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'ending connection',
                'verbose_name_plural': 'ending connections',
            },
        ),
        migrations.CreateModel(
            name='AccountChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('create_data_field', 'Create a data field'), ('delete_data_field', 'Delete a data field'), ('create_address_book', 'Create an address book'), ('create_campaign', 'Create a campaign')], max_length=24, verbose_name='what')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('details', models.JSONField(default=dict, verbose_name='details')),
                ('state', models.CharField(choices=[('waiting', 'Waiting for the worker'), ('asked', 'Being done'), ('done', 'Done'), ('failed', 'Failed')], default='waiting', max_length=8, verbose_name='state')),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts')),
                ('due_at', models.DateTimeField(editable=False, null=True, verbose_name='tried again from')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='asked for')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('integration', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='dotbridge_integrations.integration', verbose_name='integration')),
                ('marketing_list', models.ForeignKey(help_text='The list that a new address book is connected to.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='account_changes', to='dotbridge_lists.marketinglist', verbose_name='marketing list')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked by')),
            ],
            options={
                'verbose_name': 'change of the account',
                'verbose_name_plural': 'changes of the account',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(models.F('integration'), models.F('kind'), django.db.models.functions.text.Upper('name'), condition=models.Q(('state', 'done'), _negated=True), name='account_change_once')],
            },
        ),
        migrations.CreateModel(
            name='CampaignSend',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('remote_id', models.BigIntegerField(verbose_name='id in Dotdigital')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('is_test', models.BooleanField(default=False, verbose_name='test')),
                ('connection_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None, verbose_name='connections')),
                ('book_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='Their ids in Dotdigital. None at all would mean everybody, so there is always one.', size=None, verbose_name='address books')),
                ('recipients', models.IntegerField(default=0, verbose_name='recipients confirmed')),
                ('fingerprint', models.CharField(blank=True, max_length=64)),
                ('send_at', models.DateTimeField(help_text='Empty: at once.', null=True, verbose_name='to be sent')),
                ('state', models.CharField(choices=[('waiting', 'Waiting for the worker'), ('asked', 'Being asked for'), ('accepted', 'Taken by Dotdigital'), ('sent', 'Sent'), ('cancelled', 'Cancelled in Dotdigital'), ('failed', 'Not sent'), ('unknown', 'Outcome unknown'), ('withdrawn', 'Taken back')], default='waiting', max_length=12, verbose_name='state')),
                ('send_id', models.CharField(blank=True, max_length=64, verbose_name='number of the send')),
                ('remote_status', models.CharField(blank=True, max_length=64, verbose_name='state in Dotdigital')),
                ('copy_id', models.BigIntegerField(null=True, verbose_name='copy that a test is sent as')),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts')),
                ('due_at', models.DateTimeField(editable=False, null=True, verbose_name='looked at again from')),
                ('called_at', models.DateTimeField(editable=False, null=True, verbose_name='Dotdigital was asked')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='asked for')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sends', to='dotbridge_integrations.integration', verbose_name='integration')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked by')),
            ],
            options={
                'verbose_name': 'campaign send',
                'verbose_name_plural': 'campaign sends',
                'ordering': ['-id'],
                'permissions': [('send_campaigns', 'Can send campaigns by Dotdigital')],
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'asked', 'accepted'])), fields=['integration'], name='campaign_send_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_test', False), models.Q(('state__in', ['failed', 'cancelled', 'withdrawn']), _negated=True)), fields=('integration', 'remote_id'), name='campaign_sent_once'), models.UniqueConstraint(condition=models.Q(('is_test', True), ('state__in', ['waiting', 'asked', 'accepted'])), fields=('integration', 'remote_id', 'requested_by'), name='campaign_test_once'), models.CheckConstraint(condition=models.Q(('is_test', True), ('book_ids__len__gt', 0), _connector='OR'), name='campaign_send_has_books')],
            },
        ),
        migrations.CreateModel(
            name='ContactRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('unsubscribe', 'Unsubscribe from the account'), ('unsubscribe_book', 'Unsubscribe from the address book'), ('erase', 'Delete the contact')], max_length=24, verbose_name='what')),
                ('email_key', models.TextField(blank=True, db_collation='C', verbose_name='e-mail, normalised')),
                ('remote_id', models.BigIntegerField(verbose_name='id in Dotdigital')),
                ('event_id', models.BigIntegerField(default=0, verbose_name='consent event')),
                ('state', models.CharField(choices=[('waiting', 'Waiting for the worker'), ('asked', 'Being done'), ('done', 'Done'), ('failed', 'Failed')], default='waiting', max_length=8, verbose_name='state')),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts')),
                ('due_at', models.DateTimeField(editable=False, null=True, verbose_name='tried again from')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='asked for')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('address_book', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='dotbridge_mirror.addressbook', verbose_name='address book')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='contact_requests', to='dotbridge_integrations.integration', verbose_name='integration')),
            ],
            options={
                'verbose_name': 'request about a contact',
                'verbose_name_plural': 'requests about contacts',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'asked', 'failed'])), fields=['integration'], name='contact_request_open'), models.Index(fields=['address_book', 'email_key'], name='contact_request_in_book')],
                'constraints': [models.UniqueConstraint(fields=('integration', 'kind', 'address_book', 'remote_id', 'event_id'), name='contact_request_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Look',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('content', 'The content of a campaign'), ('templates', 'Templates and senders')], max_length=16, verbose_name='what')),
                ('remote_id', models.BigIntegerField(default=0, verbose_name='id in Dotdigital')),
                ('state', models.CharField(choices=[('waiting', 'Waiting for the worker'), ('failed', 'Given up')], default='waiting', max_length=8, verbose_name='state')),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts')),
                ('due_at', models.DateTimeField(editable=False, null=True, verbose_name='tried again from')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='asked for')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='looks', to='dotbridge_integrations.integration', verbose_name='integration')),
            ],
            options={
                'verbose_name': 'look',
                'verbose_name_plural': 'looks',
                'constraints': [models.UniqueConstraint(fields=('integration', 'kind', 'remote_id'), name='look_once')],
            },
        ),
        migrations.CreateModel(
            name='Resubscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('email', models.TextField(verbose_name='e-mail')),
                ('email_key', models.TextField(db_collation='C', verbose_name='e-mail, normalised')),
                ('opted_in_at', models.DateTimeField(verbose_name='the person asked for it')),
                ('state', models.CharField(choices=[('waiting', 'Waiting for the worker'), ('asked', 'Being asked'), ('added', 'Subscribed again'), ('challenged', 'Waits for the person to confirm'), ('refused', 'Refused'), ('unknown', 'Outcome unknown')], default='waiting', max_length=16, verbose_name='state')),
                ('answer', models.CharField(blank=True, max_length=64, verbose_name="Dotdigital's answer")),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts')),
                ('due_at', models.DateTimeField(editable=False, null=True, verbose_name='tried again from')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='asked for')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='answered')),
                ('live_at', models.DateTimeField(null=True, verbose_name='live again')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='resubscriptions', to='dotbridge_connections.listconnection', verbose_name='connection')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked by')),
            ],
            options={
                'verbose_name': 'resubscription',
                'verbose_name_plural': 'resubscriptions',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('live_at__isnull', True), ('state__in', ['waiting', 'asked', 'added', 'challenged'])), fields=['connection'], name='resubscription_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'asked'])), fields=('connection', 'email_key'), name='resubscription_once')],
            },
        ),
    ]
