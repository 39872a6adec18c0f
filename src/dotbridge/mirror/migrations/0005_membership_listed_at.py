from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mirror", "0004_batchwise_references")]

    operations = [
        migrations.RenameField(model_name="membership", old_name="seen_at", new_name="listed_at"),
        migrations.AlterField(
            model_name="membership",
            name="listed_at",
            field=models.DateTimeField(
                help_text="When they were found in the book's list; while nothing changes, it stays as it is.",
                verbose_name="listed",
            ),
        ),
    ]
