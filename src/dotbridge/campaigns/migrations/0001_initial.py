import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('dotbridge_lists', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='MarketingCampaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('code', models.CharField(help_text='For tracking: up to 20 letters, digits, hyphens and underscores.', max_length=20, unique=True, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9_-]+\\Z', 'Letters, digits, hyphen and underscore only.')], verbose_name='code')),
                ('start_date', models.DateField(blank=True, null=True, verbose_name='start')),
                ('end_date', models.DateField(blank=True, null=True, verbose_name='end')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('budget', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='budget')),
                ('report_period', models.CharField(choices=[('hour', 'Hourly'), ('day', 'Daily'), ('month', 'Monthly')], default='day', max_length=8, verbose_name='report')),
                ('is_automatic', models.BooleanField(default=False, editable=False, verbose_name='made by an import')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated at')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
            ],
            options={
                'verbose_name': 'marketing campaign',
                'verbose_name_plural': 'marketing campaigns',
                'ordering': ['-start_date', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='EmailCampaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('sender_name', models.CharField(blank=True, max_length=255, verbose_name="sender's name")),
                ('sender_email', models.CharField(blank=True, max_length=255, verbose_name="sender's address")),
                ('schedule', models.CharField(choices=[('manual', 'Manual')], default='manual', max_length=16, verbose_name='schedule')),
                ('transport', models.CharField(choices=[('dotdigital', 'Dotdigital')], default='dotdigital', max_length=32, verbose_name='sent by')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated at')),
                ('marketing_list', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='email_campaigns', to='dotbridge_lists.marketinglist', verbose_name='marketing list')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
                ('marketing_campaign', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='email_campaigns', to='dotbridge_campaigns.marketingcampaign', verbose_name='marketing campaign')),
            ],
            options={
                'verbose_name': 'e-mail campaign',
                'verbose_name_plural': 'e-mail campaigns',
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='CampaignCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=20, unique=True, verbose_name='code')),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='since')),
                ('marketing_campaign', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='codes', to='dotbridge_campaigns.marketingcampaign', verbose_name='marketing campaign')),
            ],
            options={
                'verbose_name': 'campaign code',
                'verbose_name_plural': 'campaign codes',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='EmailCampaignStatistics',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entity', models.CharField(max_length=100, verbose_name='entity')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('opens', models.IntegerField(default=0, verbose_name='opens')),
                ('clicks', models.IntegerField(default=0, verbose_name='clicks')),
                ('bounces', models.SmallIntegerField(default=0, help_text='A soft and a hard one are two.', verbose_name='bounces')),
                ('unsubscribes', models.SmallIntegerField(default=0, verbose_name='unsubscribes')),
                ('last_contacted_at', models.DateTimeField(blank=True, null=True, verbose_name='last contacted')),
                ('contact_id', models.BigIntegerField(editable=False, null=True)),
                ('email_campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='statistics', to='dotbridge_campaigns.emailcampaign', verbose_name='e-mail campaign')),
            ],
            options={
                'verbose_name': 'recipient',
                'verbose_name_plural': 'recipients',
                'indexes': [models.Index(fields=['record_id', 'entity'], name='campaign_statistics_of_record')],
                'constraints': [models.UniqueConstraint(fields=('email_campaign', 'entity', 'record_id'), name='campaign_statistics_once')],
            },
        ),
        migrations.CreateModel(
            name='MarketingActivity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('type', models.CharField(choices=[('send', 'Sent'), ('open', 'Opened'), ('click', 'Clicked'), ('soft_bounce', 'Soft-bounced'), ('hard_bounce', 'Hard-bounced'), ('unsubscribe', 'Unsubscribed')], max_length=16, verbose_name='what')),
                ('entity', models.CharField(max_length=100, verbose_name='entity')),
                ('record_id', models.CharField(max_length=255, verbose_name='record')),
                ('action_date', models.DateTimeField(verbose_name='when')),
                ('details', models.TextField(blank=True, help_text="A click's link.", verbose_name='details')),
                ('natural_key', models.UUIDField(help_text='Says what happened to whom, so that the same event is kept once.')),
                ('email_campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='activities', to='dotbridge_campaigns.emailcampaign', verbose_name='e-mail campaign')),
            ],
            options={
                'verbose_name': 'marketing activity',
                'verbose_name_plural': 'marketing activities',
                'ordering': ['-action_date', '-pk'],
                'indexes': [models.Index(fields=['record_id', 'entity'], name='marketing_activity_of_record'), models.Index(fields=['email_campaign', 'type'], name='marketing_activity_by_type'), models.Index(fields=['action_date', 'id'], name='marketing_activity_by_date')],
                'constraints': [models.UniqueConstraint(fields=('email_campaign', 'natural_key'), name='marketing_activity_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='marketingcampaign',
            constraint=models.CheckConstraint(condition=models.Q(('start_date__isnull', True), ('end_date__isnull', True), ('start_date__lte', models.F('end_date')), _connector='OR'), name='marketing_campaign_starts_before_it_ends', violation_error_message='A campaign cannot end before it starts.'),
        ),
    ]
