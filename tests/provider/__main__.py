"""Make the provider's tables, people and client, say so, and serve until it is ended."""

from __future__ import annotations

import json
import os
import sys

import django
from django.core.management import call_command
from waitress import serve

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.provider.settings"
    django.setup()
    from allauth.account.models import EmailAddress
    from allauth.idp.oidc.models import Client
    from django.contrib.auth import get_user_model
    from django.contrib.auth.hashers import make_password
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    port, said = int(sys.argv[1]), json.loads(sys.argv[2])
    for number, email, password in said["people"]:
        user = get_user_model().objects.create_user(number, email, password)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    client = Client(
        id=said["client_id"],
        name="Kitto",
        secret=make_password(said["secret"]),
        scopes="openid\nemail\nprofile",
        redirect_uris=said["callback"],
        skip_consent=True,
    )
    client.save()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    serve(get_wsgi_application(), host="127.0.0.1", port=port, _quiet=True)
