import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('sync_failing', 'A synchronisation keeps failing'), ('credentials_refused', 'Dotdigital does not accept the credentials'), ('breaker_waiting', 'An export has stopped and waits for a decision'), ('feed_old', 'Nothing was read or sent for too long'), ('feed_empty', 'Dotdigital lists suspiciously little'), ('upload_refused', 'Dotdigital refused an upload'), ('quota_near', 'The calls to Dotdigital are nearly used up')], max_length=32, verbose_name='what')),
                ('subject', models.CharField(max_length=100)),
                ('details', models.JSONField(default=dict)),
                ('page', models.CharField(max_length=64)),
                ('page_id', models.BigIntegerField(null=True)),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='since')),
                ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='seen first')),
                ('met_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='seen last')),
                ('told_at', models.DateTimeField(null=True, verbose_name='told')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='over since')),
            ],
            options={
                'verbose_name': 'notification',
                'verbose_name_plural': 'notifications',
                'ordering': ['-id'],
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='notification_ended')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('kind', 'subject'), name='notification_once')],
            },
        ),
        migrations.CreateModel(
            name='Choice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('sync_failing', 'A synchronisation keeps failing'), ('credentials_refused', 'Dotdigital does not accept the credentials'), ('breaker_waiting', 'An export has stopped and waits for a decision'), ('feed_old', 'Nothing was read or sent for too long'), ('feed_empty', 'Dotdigital lists suspiciously little'), ('upload_refused', 'Dotdigital refused an upload'), ('quota_near', 'The calls to Dotdigital are nearly used up')], max_length=32)),
                ('is_shown', models.BooleanField(default=True)),
                ('is_mailed', models.BooleanField(default=False)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'choice of notifications',
                'verbose_name_plural': 'choices of notifications',
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('user', 'kind'), name='choice_once')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_shown', models.BooleanField(default=True)),
                ('seen_at', models.DateTimeField(null=True)),
                ('mail', models.CharField(choices=[('none', 'Not wanted'), ('waiting', 'Waits'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Given up')], default='none', max_length=8)),
                ('end_mail', models.CharField(choices=[('none', 'Not wanted'), ('waiting', 'Waits'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Given up')], default='none', max_length=8)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('notification', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='dotbridge_notifications.notification')),
            ],
            options={
                'verbose_name': 'delivery of a notification',
                'verbose_name_plural': 'deliveries of notifications',
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('is_shown', True), ('seen_at', None)), fields=['user'], name='delivery_unseen'), models.Index(condition=models.Q(('mail__in', ['waiting', 'sending']), ('end_mail__in', ['waiting', 'sending']), _connector='OR'), fields=['due_at'], name='delivery_due')],
                'constraints': [models.UniqueConstraint(fields=('notification', 'user'), name='delivery_once')],
            },
        ),
    ]
