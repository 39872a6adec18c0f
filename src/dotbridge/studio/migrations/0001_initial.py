import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('dotbridge_integrations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PendingSignOn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state_digest', models.CharField(max_length=64, unique=True)),
                ('session_digest', models.CharField(max_length=64)),
                ('verifier_sealed', models.TextField(editable=False)),
                ('redirect_uri', models.TextField(verbose_name='way back')),
                ('created_at', models.DateTimeField(verbose_name='sent')),
                ('integration', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='dotbridge_integrations.integration', verbose_name='integration')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'pending sign-on',
                'verbose_name_plural': 'pending sign-ons',
            },
        ),
        migrations.CreateModel(
            name='SignOn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.CharField(max_length=255, verbose_name='client id')),
                ('secret_sealed', models.TextField(editable=False, verbose_name='client secret (sealed)')),
                ('domain', models.CharField(blank=True, help_text="Where the application is, as https://HOST. Empty: where the account's region has it.", max_length=255, verbose_name='custom domain')),
                ('integration', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sign_on', to='dotbridge_integrations.integration', verbose_name='integration')),
            ],
            options={
                'verbose_name': 'single sign-on',
                'verbose_name_plural': 'single sign-ons',
            },
        ),
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('refresh_token_sealed', models.TextField(editable=False, verbose_name='refresh token (sealed)')),
                ('claimed_until', models.DateTimeField(editable=False, null=True, verbose_name='being exchanged until')),
                ('refused_at', models.DateTimeField(editable=False, null=True, verbose_name='refused since')),
                ('granted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='allowed')),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='dotbridge_integrations.integration', verbose_name='integration')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'grant',
                'verbose_name_plural': 'grants',
                'permissions': [('use_studio', 'Can open Email Studio')],
                'constraints': [models.UniqueConstraint(fields=('integration', 'user'), name='studio_grant_once')],
            },
        ),
    ]
