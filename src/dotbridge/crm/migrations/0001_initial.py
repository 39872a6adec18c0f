import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Lead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first_name', models.CharField(blank=True, max_length=500, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=500, verbose_name='last name')),
                ('company', models.CharField(blank=True, max_length=500, verbose_name='company')),
                ('email', models.CharField(blank=True, max_length=500, verbose_name='e-mail')),
                ('status', models.CharField(choices=[('new', 'New'), ('contacted', 'Contacted'), ('qualified', 'Qualified'), ('lost', 'Lost')], default='new', max_length=20, verbose_name='status')),
                ('source', models.CharField(blank=True, max_length=100, verbose_name='source')),
                ('estimated_value', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True, verbose_name='estimated value')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
            ],
            options={
                'verbose_name': 'lead',
                'verbose_name_plural': 'leads',
                'ordering': ['-created_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=500, verbose_name='name')),
                ('industry', models.CharField(blank=True, max_length=100, verbose_name='industry')),
                ('city', models.CharField(blank=True, max_length=500, verbose_name='city')),
                ('country', models.CharField(blank=True, max_length=100, verbose_name='country')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
            ],
            options={
                'verbose_name': 'account',
                'verbose_name_plural': 'accounts',
                'ordering': ['name', 'pk'],
                'indexes': [models.Index(fields=['name', 'id'], name='crm_account_by_name'), models.Index(django.db.models.functions.text.Lower(models.Func(django.db.models.functions.text.Trim('name'), models.Value('\\s+'), models.Value(' '), models.Value('g'), function='regexp_replace', output_field=models.TextField())), name='crm_account_by_key')],
            },
        ),
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first_name', models.CharField(blank=True, max_length=500, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=500, verbose_name='last name')),
                ('job_title', models.CharField(blank=True, max_length=500, verbose_name='job title')),
                ('phone', models.CharField(blank=True, max_length=100, verbose_name='phone')),
                ('birthday', models.DateField(blank=True, null=True, verbose_name='birthday')),
                ('lead_score', models.IntegerField(blank=True, null=True, verbose_name='lead score')),
                ('is_vip', models.BooleanField(default=False, verbose_name='VIP')),
                ('language', models.CharField(blank=True, max_length=20, verbose_name='language')),
                ('notes', models.TextField(blank=True, verbose_name='notes')),
                ('external_id', models.CharField(blank=True, db_default='', default='', help_text='Under which another system knows the person.', max_length=100, verbose_name='external id')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated at')),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='contacts', to='crm.account', verbose_name='account')),
            ],
            options={
                'verbose_name': 'contact',
                'verbose_name_plural': 'contacts',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='ContactEmail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.CharField(max_length=500, verbose_name='e-mail')),
                ('is_primary', models.BooleanField(default=False, verbose_name='primary')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='emails', to='crm.contact', verbose_name='contact')),
            ],
            options={
                'verbose_name': 'e-mail address',
                'verbose_name_plural': 'e-mail addresses',
            },
        ),
        migrations.CreateModel(
            name='ContactPhone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('phone', models.CharField(max_length=100, verbose_name='phone')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='phones', to='crm.contact', verbose_name='contact')),
            ],
            options={
                'verbose_name': 'further phone number',
                'verbose_name_plural': 'further phone numbers',
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=500, verbose_name='name')),
                ('contact_first_name', models.CharField(blank=True, max_length=500, verbose_name="contact's first name")),
                ('contact_last_name', models.CharField(blank=True, max_length=500, verbose_name="contact's last name")),
                ('email', models.CharField(blank=True, max_length=500, verbose_name='e-mail')),
                ('customer_since', models.DateField(blank=True, null=True, verbose_name='customer since')),
                ('lifetime_value', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='lifetime value')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='customers', to='crm.account', verbose_name='account')),
            ],
            options={
                'verbose_name': 'customer',
                'verbose_name_plural': 'customers',
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(blank=True, max_length=40, verbose_name='number')),
                ('placed_at', models.DateTimeField(blank=True, null=True, verbose_name='placed')),
                ('delivered_on', models.DateField(blank=True, null=True, verbose_name='delivered')),
                ('status', models.CharField(choices=[('open', 'Open'), ('paid', 'Paid'), ('cancelled', 'Cancelled')], default='open', max_length=20, verbose_name='status')),
                ('items', models.IntegerField(default=1, verbose_name='items')),
                ('total', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True, verbose_name='total')),
                ('contact', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='orders', to='crm.contact', verbose_name='contact')),
            ],
            options={
                'verbose_name': 'order',
                'verbose_name_plural': 'orders',
                'ordering': ['-pk'],
            },
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(condition=models.Q(('external_id', ''), _negated=True), fields=['external_id'], name='crm_contact_by_external_id'),
        ),
        migrations.AddIndex(
            model_name='contactemail',
            index=models.Index(django.db.models.functions.text.Lower(django.db.models.functions.text.Trim('email')), name='crm_contactemail_by_key'),
        ),
        migrations.AddConstraint(
            model_name='contactemail',
            constraint=models.UniqueConstraint(condition=models.Q(('is_primary', True)), fields=('contact',), name='crm_one_primary_email', violation_error_message='A contact has one primary address.'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['contact', 'placed_at'], name='crm_order_of_contact'),
        ),
    ]
