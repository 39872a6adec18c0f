import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Integration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255, unique=True, verbose_name='name')),
                ('username', models.CharField(help_text="The API user's e-mail, such as apiuser-0123456789ab@apiconnector.com. Make one for this use alone.", max_length=255, verbose_name='API user')),
                ('password_sealed', models.TextField(editable=False, verbose_name='password (sealed)')),
                ('base_url', models.CharField(default='https://r1-api.dotdigital.com', help_text='Where the account is asked for first. Its own region is found from there.', max_length=255, verbose_name='base URL')),
                ('endpoint', models.CharField(blank=True, editable=False, max_length=255, verbose_name='region found')),
                ('account_id', models.BigIntegerField(editable=False, null=True, verbose_name='account id')),
                ('account_name', models.CharField(blank=True, editable=False, max_length=255, verbose_name='account name')),
                ('is_active', models.BooleanField(default=True, help_text='Only active integrations are synchronised.', verbose_name='active')),
                ('data_fields_hours', models.PositiveIntegerField(default=24, help_text='0 reads them with every import.', validators=[django.core.validators.MaxValueValidator(744)], verbose_name='hours between readings of the data fields')),
                ('forced_comparison', models.CharField(choices=[('none', 'None'), ('virtual', 'Records with mapped fields that are worked out'), ('always', 'Of every mapped entity')], default='virtual', help_text='What is worked out, such as an age, changes by itself. At 01:00 the values are compared.', max_length=8, verbose_name='compared every night')),
                ('export_waits_for', models.CharField(choices=[('integration', 'Every upload to the account'), ('address_book', 'Uploads to the same address book')], default='integration', help_text='While Dotdigital works on an upload nothing new is sent: to the whole account, or to that address book.', max_length=16, verbose_name='an export waits for')),
                ('contacts_read_of', models.CharField(choices=[('all', 'Every address book'), ('connected', 'Address books that a list is connected to')], default='all', help_text='Connected books are read first. Where calls are short, leave the others out.', max_length=12, verbose_name='contacts are read of')),
                ('protocol', models.CharField(choices=[('automatic', 'Version 3 where the account offers it, else version 2'), ('v3', 'Version 3'), ('v2', 'Version 2')], default='automatic', help_text='How we talk to Dotdigital. Version 3 needs far fewer calls. Opt-outs are read by both.', max_length=12, verbose_name='version of the API for contacts')),
                ('protocol_found', models.CharField(choices=[('v2', 'Version 2'), ('v3', 'Version 3')], default='v2', editable=False, max_length=4, verbose_name='version in use')),
                ('protocol_reason', models.CharField(blank=True, editable=False, max_length=255, verbose_name='why this version')),
                ('protocol_asked_at', models.DateTimeField(editable=False, null=True, verbose_name='asked which versions there are')),
                ('bulk_from', models.TimeField(blank=True, help_text='First readings, full comparisons and results of past campaigns wait for this time of the day. Opt-outs, exports and what a person starts never wait. Empty: at any time.', null=True, verbose_name='large readings from')),
                ('bulk_until', models.TimeField(blank=True, help_text='It may be past midnight: from 22:00 until 06:00. What has begun is ended within minutes.', null=True, verbose_name='large readings until')),
                ('breaker_rows', models.PositiveIntegerField(default=1000, help_text='A run that would take more contacts than this out of one book, or off one list, asks first.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='stop and ask above so many contacts')),
                ('breaker_percent', models.PositiveSmallIntegerField(default=20, help_text='The same as a share of the book. A few contacts never stop a run, whatever their share.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='stop and ask above so many percent')),
                ('unmapped_entities', models.JSONField(default=list, editable=False)),
                ('checked_at', models.DateTimeField(editable=False, null=True, verbose_name='last connected')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('default_owner', models.ForeignKey(blank=True, help_text='Whose the campaigns are that an import makes.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='default owner')),
            ],
            options={
                'verbose_name': 'integration',
                'verbose_name_plural': 'integrations',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='RateWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tier', models.CharField(max_length=32)),
                ('remaining', models.IntegerField()),
                ('resets_at', models.DateTimeField()),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rate_windows', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'rate window',
                'verbose_name_plural': 'rate windows',
            },
        ),
        migrations.CreateModel(
            name='CallLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tier', models.CharField(max_length=32)),
                ('allowed', models.IntegerField()),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='call_limits', to='dotbridge_integrations.integration')),
            ],
            options={
                'verbose_name': 'limit of calls',
                'verbose_name_plural': 'limits of calls',
            },
        ),
        migrations.AddConstraint(
            model_name='calllimit',
            constraint=models.UniqueConstraint(fields=('integration', 'tier'), name='call_limit_one_a_tier'),
        ),
        migrations.AddConstraint(
            model_name='integration',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('bulk_from', None), ('bulk_until', None)), models.Q(('bulk_from__isnull', False), ('bulk_until__isnull', False), models.Q(('bulk_from', models.F('bulk_until')), _negated=True)), _connector='OR'), name='integration_bulk_window', violation_error_message='Give both times of large readings, not the same, or none.'),
        ),
        migrations.AddConstraint(
            model_name='integration',
            constraint=models.UniqueConstraint(fields=('account_id',), name='integration_once_an_account'),
        ),
        migrations.AddConstraint(
            model_name='ratewindow',
            constraint=models.UniqueConstraint(fields=('integration', 'tier'), name='rate_window_one_a_tier'),
        ),
    ]
