import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('dotbridge_campaigns', '0001_initial'),
        ('dotbridge_connections', '0001_initial'),
        ('dotbridge_integrations', '0001_initial'),
        ('dotbridge_mirror', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='CampaignListing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.CharField(max_length=64)),
                ('listed_at', models.DateTimeField()),
                ('integration', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='campaign_listing', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'listing of campaigns',
                'verbose_name_plural': 'listings of campaigns',
            },
        ),
        migrations.CreateModel(
            name='CampaignPair',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='made')),
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='pair', to='dotbridge_mirror.campaign', verbose_name='campaign')),
                ('email_campaign', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='pair', to='dotbridge_campaigns.emailcampaign', verbose_name='e-mail campaign')),
            ],
            options={
                'verbose_name': 'pair of campaigns',
                'verbose_name_plural': 'pairs of campaigns',
            },
        ),
        migrations.CreateModel(
            name='EventSubscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=50)),
                ('remote_id', models.BigIntegerField(null=True)),
                ('checkpoint', models.TextField(default='')),
                ('heard_since', models.DateTimeField(null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('unusable_until', models.DateTimeField(null=True)),
                ('reason', models.CharField(default='', max_length=255)),
                ('integration', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='event_subscription', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'event subscription',
                'verbose_name_plural': 'event subscriptions',
            },
        ),
        migrations.CreateModel(
            name='ResultMatching',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('last_item_id', models.BigIntegerField(default=0)),
                ('all_matched_at', models.DateTimeField(null=True)),
                ('integration', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='result_matching', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'matching of results',
                'verbose_name_plural': 'matchings of results',
            },
        ),
        migrations.CreateModel(
            name='SyncRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('sync', 'Import and export'), ('import', 'Import'), ('export', 'Export'), ('changes', 'Field changes'), ('data_fields', 'Data fields'), ('reconcile', 'Full comparison'), ('requests', 'What people asked for')], max_length=16, verbose_name='kind')),
                ('trigger', models.CharField(max_length=32, verbose_name='started by')),
                ('state', models.CharField(choices=[('running', 'Running'), ('succeeded', 'Succeeded'), ('partial', 'Partly done'), ('failed', 'Failed'), ('skipped', 'Skipped'), ('blocked', 'Waiting'), ('waiting', 'Waits for Dotdigital'), ('interrupted', 'Interrupted')], default='running', max_length=16, verbose_name='state')),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('is_refused', models.BooleanField(db_default=False, default=False, help_text='Dotdigital did not accept the credentials or the address: a person has to correct them.', verbose_name='not let in')),
                ('requests', models.IntegerField(default=0, verbose_name='calls to Dotdigital')),
                ('waits_until', models.DateTimeField(help_text="When the account's limit of calls opens again. Until then Dotdigital is not asked.", null=True, verbose_name='waits until')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('times', models.IntegerField(default=1, help_text='So many runs of one hour that found nothing to do are kept as this one.', verbose_name='runs')),
                ('is_folded', models.BooleanField(default=False, help_text='Its hour was looked at for quiet runs.')),
                ('connection', models.ForeignKey(help_text='When the run was for one list only.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='dotbridge_connections.listconnection', verbose_name='list')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='dotbridge_integrations.integration', verbose_name='integration')),
            ],
            options={
                'verbose_name': 'run',
                'verbose_name_plural': 'runs',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64, verbose_name='step')),
                ('state', models.CharField(choices=[('running', 'Running'), ('succeeded', 'Succeeded'), ('partial', 'Partly done'), ('failed', 'Failed'), ('skipped', 'Skipped'), ('blocked', 'Waiting'), ('waiting', 'Waits for Dotdigital'), ('interrupted', 'Interrupted')], default='running', max_length=16, verbose_name='state')),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('counts', models.JSONField(default=dict, verbose_name='counts')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='dotbridge_sync.syncrun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'step',
                'verbose_name_plural': 'steps',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Removal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('prepared', 'Prepared'), ('sent', 'Dotdigital is working on it'), ('completed', 'Completed'), ('failed', 'Failed')], default='prepared', max_length=16, verbose_name='state')),
                ('remote_id', models.CharField(blank=True, max_length=64, verbose_name='deletion id')),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('row_count', models.IntegerField(default=0, verbose_name='contacts')),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts to ask for it')),
                ('created_at', models.DateTimeField(verbose_name='prepared')),
                ('sent_at', models.DateTimeField(null=True, verbose_name='asked for')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='removals', to='dotbridge_connections.listconnection', verbose_name='connection')),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='removals', to='dotbridge_sync.syncrun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'removal',
                'verbose_name_plural': 'removals',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Turn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.CharField(max_length=64)),
                ('object_id', models.BigIntegerField(help_text='The book, list or campaign whose turn it is, by its id here.')),
                ('is_rest', models.BooleanField(default=False, help_text='Only what comes after it is left of the round: calls or time ended it.')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='turns', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'turn',
                'verbose_name_plural': 'turns',
            },
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('prepared', 'Prepared'), ('uploading', 'Being sent'), ('sent', 'Dotdigital is working on it'), ('finished', 'Finished'), ('refused', 'Refused'), ('unknown', 'Outcome unknown')], default='prepared', max_length=16, verbose_name='state')),
                ('remote_id', models.CharField(blank=True, max_length=64, verbose_name='import id')),
                ('remote_status', models.CharField(blank=True, max_length=64, verbose_name='status in Dotdigital')),
                ('message', models.TextField(blank=True, verbose_name='what happened')),
                ('protocol', models.CharField(choices=[('v2', 'Version 2'), ('v3', 'Version 3')], default='v2', help_text='How it is sent, and where its results are found.', max_length=4, verbose_name='by version')),
                ('columns', models.JSONField(default=list, verbose_name='data fields in the file')),
                ('merge_option', models.CharField(help_text="What an empty cell does to Dotdigital's value.", max_length=64, verbose_name='merge option')),
                ('rest_columns', models.JSONField(default=list, help_text='Sent when this one is finished, because an empty cell means something else there.', verbose_name='data fields of the second file')),
                ('row_count', models.IntegerField(default=0, verbose_name='rows')),
                ('rejected_count', models.IntegerField(default=0, help_text='Without those of people who may not be mailed.', verbose_name='rows rejected')),
                ('opted_out_count', models.IntegerField(default=0, verbose_name='rows of people who may not be mailed')),
                ('report', models.JSONField(default=dict, verbose_name="Dotdigital's report")),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts to send it')),
                ('polls', models.IntegerField(default=0, verbose_name='times asked')),
                ('created_at', models.DateTimeField(verbose_name='prepared')),
                ('sent_at', models.DateTimeField(null=True, verbose_name='sent')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('retry_at', models.DateTimeField(help_text='Empty: only when a person says so.', null=True, verbose_name='rows may be sent again from')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='uploads', to='dotbridge_connections.listconnection', verbose_name='connection')),
                ('first_file', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='second_file', to='dotbridge_sync.upload', verbose_name='second file of')),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='uploads', to='dotbridge_sync.syncrun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'upload',
                'verbose_name_plural': 'uploads',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ExportItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email_key', models.TextField(db_collation='C', verbose_name='e-mail, normalised')),
                ('email', models.TextField(verbose_name='e-mail')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('values', models.JSONField(default=dict, verbose_name='values')),
                ('own', models.JSONField(help_text='Where a list of higher rank has the first word on some of the values.', null=True, verbose_name="the record's own values")),
                ('operation', models.CharField(choices=[('new', 'New to Dotdigital'), ('add', 'Added to this book'), ('update', 'Updated')], max_length=8, verbose_name='operation')),
                ('reason', models.CharField(blank=True, max_length=64, verbose_name='rejected because')),
                ('taken_out_at', models.DateTimeField(help_text='Not sent again until a person has them put back.', null=True, verbose_name='taken out in Dotdigital')),
                ('was_confirmed', models.BooleanField(db_default=False, default=False, help_text='By an upload before the present one: the contact is ours to take out of the book.', verbose_name='was confirmed before')),
                ('attempts', models.SmallIntegerField(default=0, verbose_name='attempts')),
                ('agreed', models.JSONField(help_text='Of the data fields that are synchronised both ways.', null=True, verbose_name="Dotdigital's values when compared last")),
                ('agreed_at', models.DateTimeField(null=True, verbose_name='compared last')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='dotbridge_connections.listconnection', verbose_name='connection')),
                ('removal', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='items', to='dotbridge_sync.removal', verbose_name='removal')),
                ('upload', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='items', to='dotbridge_sync.upload', verbose_name='upload')),
            ],
            options={
                'verbose_name': 'exported address',
                'verbose_name_plural': 'exported addresses',
            },
        ),
        migrations.CreateModel(
            name='ValueConflict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.TextField(verbose_name='e-mail')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('entity_field', models.CharField(max_length=255, verbose_name='entity field')),
                ('data_field', models.CharField(max_length=64, verbose_name='data field')),
                ('record_value', models.TextField(blank=True, verbose_name='value of the record')),
                ('dotdigital_value', models.TextField(blank=True, verbose_name='value in Dotdigital')),
                ('winner', models.CharField(choices=[('dotdigital', 'Dotdigital'), ('record', 'The record')], max_length=16, verbose_name='won')),
                ('ground', models.CharField(choices=[('newer', 'Its change is the newer one'), ('in_doubt', 'Nobody knows which change is newer, so the record keeps its value')], max_length=16, verbose_name='because')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='when')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conflicts', to='dotbridge_connections.listconnection', verbose_name='connection')),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='conflicts', to='dotbridge_sync.syncrun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'value changed on both sides',
                'verbose_name_plural': 'values changed on both sides',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Absence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('listing', models.CharField(choices=[('address_books', 'Address books'), ('data_fields', 'Data fields'), ('campaigns', 'Campaigns')], max_length=16, verbose_name='listing')),
                ('object_id', models.BigIntegerField(verbose_name='which')),
                ('first_missed_at', models.DateTimeField(verbose_name='missing since')),
                ('readings', models.IntegerField(default=1, verbose_name='complete readings without it')),
                ('believed_at', models.DateTimeField(null=True, verbose_name='confirmed by a person')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='absences', to='dotbridge_integrations.integration', verbose_name='integration')),
            ],
            options={
                'verbose_name': 'absence',
                'verbose_name_plural': 'absences',
                'constraints': [models.UniqueConstraint(fields=('integration', 'listing', 'object_id'), name='absence_once')],
            },
        ),
        migrations.CreateModel(
            name='Cursor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('feed', models.CharField(max_length=64)),
                ('object_id', models.BigIntegerField(default=0, help_text="The address book's id here; 0 for the whole account.")),
                ('position', models.DateTimeField()),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='cursors', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'cursor',
                'verbose_name_plural': 'cursors',
                'constraints': [models.UniqueConstraint(fields=('integration', 'feed', 'object_id'), name='cursor_once')],
            },
        ),
        migrations.CreateModel(
            name='EventHint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('remote_id', models.BigIntegerField()),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'event hint',
                'verbose_name_plural': 'event hints',
                'constraints': [models.UniqueConstraint(fields=('integration', 'remote_id'), name='event_hint_once')],
            },
        ),
        migrations.CreateModel(
            name='Newcomer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('remote_id', models.BigIntegerField(verbose_name='id in Dotdigital')),
                ('record_id', models.CharField(blank=True, help_text='Empty when it was refused.', max_length=255, verbose_name='record')),
                ('fingerprint', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='when')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='newcomers', to='dotbridge_connections.listconnection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'newcomer',
                'verbose_name_plural': 'newcomers',
                'constraints': [models.UniqueConstraint(fields=('connection', 'remote_id'), name='newcomer_once')],
            },
        ),
        migrations.CreateModel(
            name='BookRemainder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email_key', models.TextField(db_collation='C', verbose_name='e-mail, normalised')),
                ('email', models.TextField(verbose_name='e-mail')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='remainders', to='dotbridge_connections.listconnection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'address left in a book',
                'verbose_name_plural': 'addresses left in a book',
                'constraints': [models.UniqueConstraint(fields=('connection', 'email_key'), name='book_remainder_once')],
            },
        ),
        migrations.CreateModel(
            name='PastAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email_key', models.TextField(db_collation='C', verbose_name='e-mail, normalised')),
                ('entity', models.CharField(max_length=100, verbose_name='entity')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='until')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='past_addresses', to='dotbridge_integrations.integration', verbose_name='integration')),
            ],
            options={
                'verbose_name': 'past address',
                'verbose_name_plural': 'past addresses',
                'indexes': [models.Index(condition=models.Q(('ended_at', None)), fields=['entity', 'record_id'], name='past_address_last')],
                'constraints': [models.UniqueConstraint(fields=('integration', 'email_key', 'entity', 'record_id'), name='past_address_once')],
            },
        ),
        migrations.CreateModel(
            name='Reading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('feed', models.CharField(max_length=64)),
                ('object_id', models.BigIntegerField()),
                ('began_at', models.DateTimeField(help_text="By Dotdigital's clock: what has changed since is read afterwards.")),
                ('skip', models.IntegerField(help_text='So many rows of the list were read.')),
                ('marker', models.TextField(default='', help_text='Where a list goes on that Dotdigital continues by markers.')),
                ('last_ids', models.JSONField(help_text='The ids read last. They tell whether rows have gone before the place.')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='readings', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'reading',
                'verbose_name_plural': 'readings',
                'constraints': [models.UniqueConstraint(fields=('integration', 'feed', 'object_id'), name='reading_once')],
            },
        ),
        migrations.CreateModel(
            name='Recheck',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rechecks', to='dotbridge_connections.listconnection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'record to compare',
                'verbose_name_plural': 'records to compare',
                'constraints': [models.UniqueConstraint(fields=('connection', 'record_id'), name='recheck_once')],
            },
        ),
        migrations.CreateModel(
            name='Rejection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step_name', models.CharField(max_length=64, verbose_name='step')),
                ('subject', models.TextField(db_collation='C', help_text='The address, name or id that was refused.', verbose_name='what')),
                ('reason', models.CharField(max_length=64, verbose_name='reason')),
                ('detail', models.TextField(blank=True, verbose_name='in detail')),
                ('first_at', models.DateTimeField(verbose_name='since')),
                ('last_at', models.DateTimeField(verbose_name='met last')),
                ('times', models.IntegerField(default=1, help_text='So many steps have met it.', verbose_name='times')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='over since')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rejections', to='dotbridge_integrations.integration', verbose_name='integration')),
                ('step', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='rejections', to='dotbridge_sync.step', verbose_name='met last by')),
            ],
            options={
                'verbose_name': 'rejection',
                'verbose_name_plural': 'rejections',
                'ordering': ['-last_at', '-id'],
                'indexes': [models.Index(condition=models.Q(('ended_at', None)), fields=['integration', 'step_name', 'last_at'], name='rejection_open'), models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='rejection_ended'), models.Index(fields=['-last_at', '-id'], name='rejection_newest')],
                'constraints': [models.UniqueConstraint(fields=('integration', 'step_name', 'reason', 'subject'), name='rejection_once')],
            },
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(condition=models.Q(('state', 'running')), fields=['integration'], name='run_running'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['integration'], name='run_waiting'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(fields=['integration', '-id'], name='run_newest'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(fields=['integration', 'kind', 'state', '-id'], name='run_newest_of_kind'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(fields=['started_at'], name='run_by_time'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(condition=models.Q(('is_folded', False)), fields=['started_at'], name='run_unfolded'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(condition=models.Q(('state', 'skipped')), fields=['started_at'], name='run_skipped'),
        ),
        migrations.AddIndex(
            model_name='removal',
            index=models.Index(fields=['created_at'], name='removal_by_time'),
        ),
        migrations.AddConstraint(
            model_name='turn',
            constraint=models.UniqueConstraint(fields=('integration', 'step'), name='turn_once'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(condition=models.Q(('state__in', ['prepared', 'uploading', 'sent', 'unknown'])), fields=['connection'], name='upload_unfinished'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['created_at'], name='upload_by_time'),
        ),
        migrations.AddIndex(
            model_name='exportitem',
            index=models.Index(condition=models.Q(('reason', ''), _negated=True), fields=['connection', 'reason'], name='export_item_rejected'),
        ),
        migrations.AddIndex(
            model_name='exportitem',
            index=models.Index(condition=models.Q(('taken_out_at__isnull', False)), fields=['connection'], name='export_item_taken_out'),
        ),
        migrations.AddIndex(
            model_name='exportitem',
            index=models.Index(condition=models.Q(('removal__isnull', False)), fields=['removal'], name='export_item_removing'),
        ),
        migrations.AddConstraint(
            model_name='exportitem',
            constraint=models.UniqueConstraint(fields=('email_key', 'connection'), name='export_item_once'),
        ),
        migrations.AddIndex(
            model_name='valueconflict',
            index=models.Index(fields=['created_at'], name='value_conflict_by_time'),
        ),
        migrations.CreateModel(
            name='SentConsent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.BigIntegerField(verbose_name='event')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sent_consents', to='dotbridge_integrations.integration', verbose_name='integration')),
                ('upload', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='sent_consents', to='dotbridge_sync.upload', verbose_name='upload')),
            ],
            options={
                'verbose_name': 'consent record sent',
                'verbose_name_plural': 'consent records sent',
                'constraints': [models.UniqueConstraint(fields=('event_id', 'integration'), name='sent_consent_once')],
            },
        ),
    ]
