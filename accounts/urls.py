"""Addresses of sign-in: those of allauth that this site uses, under allauth's own names, and our own."""

from django.urls import path

from accounts.views import audit, browsers, factor, roles, signin, slip, sso, tokens

urlpatterns = [
    path("login/", signin.login, name="account_login"),
    path("login/code/", signin.login, name="account_request_login_code"),
    path("login/code/confirm/", signin.confirm, name="account_confirm_login_code"),
    path("logout/", signin.logout, name="account_logout"),
    path("login/second-step/", factor.ask, name="mfa_authenticate"),
    path("login/passkey/", factor.passkey_sign_in, name="mfa_login_webauthn"),
    path("login/passkey/options/", factor.passkey_options, name="account_passkey_options"),
    path("sso/<slug:key>/", sso.start, name="account_sso"),
    path("sso/<slug:key>/back/", sso.back, name="account_sso_back"),
    path("slip/", slip.sign_in, name="account_slip"),
    path("again/", factor.start_again, name="account_reauthenticate"),
    path("again/code/", factor.again, name="mfa_reauthenticate"),
    path("again/passkey/", factor.passkey_again, name="mfa_reauthenticate_webauthn"),
    path("second-step/", factor.overview, name="mfa_index"),
    path("second-step/app/", factor.set_up_app, name="mfa_activate_totp"),
    path("second-step/app/drop/", factor.drop_app, name="mfa_deactivate_totp"),
    path("second-step/passkey/", factor.add_passkey, name="mfa_add_webauthn"),
    path("second-step/passkey/<int:pk>/drop/", factor.drop_passkey, name="mfa_remove_webauthn"),
    path("second-step/codes/", factor.codes, name="mfa_view_recovery_codes"),
    path("second-step/codes/new/", factor.new_codes, name="mfa_generate_recovery_codes"),
    path("browsers/", browsers.overview, name="account_browsers"),
    path("browsers/end/", browsers.end_all, name="account_end_browsers"),
    path("browsers/<int:sign_in_id>/end/", browsers.end, name="account_end_browser"),
    path("log/", audit.overview, name="account_audit"),
    path("log/export/", audit.export, name="account_audit_export"),
    path("tokens/", tokens.overview, name="account_tokens"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke, name="account_revoke_token"),
    path("roles/", roles.overview, name="account_roles"),
    path("roles/<int:person_id>/", roles.person, name="account_role_person"),
    path("roles/<int:person_id>/factor/", roles.forget_factor, name="account_forget_factor"),
    path(
        "roles/<int:person_id>/sessions/end/", roles.end_sessions, name="account_end_sessions"
    ),
    path("roles/take/<int:grant_id>/", roles.take, name="account_take_role"),
]
