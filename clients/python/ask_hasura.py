"""Asks Hasura a question as a program of its own: msal signs in to Entra, requests does the rest.

    pip install msal requests
    ISSUER=https://auth.example.com HASURA=https://graphql.example.com/v1/graphql \\
    AUTHORITY=https://login.microsoftonline.com/TENANT CLIENT_ID=… CLIENT_SECRET=… API=api://… python ask_hasura.py
"""

import os
import re
import sys
import threading
import time

import msal
import requests


class HasuraAuth(requests.auth.AuthBase):
    """Puts a Hasura token on requests, and keeps it in memory until four fifths of its life are over.

    subject_token() returns an Entra access token for the issuer's API. Errors are those of requests, and a
    RuntimeError that names the issuer's reason.
    """

    def __init__(self, issuer, subject_token):
        self._endpoint = issuer.rstrip("/") + "/oauth2/token"
        self._subject_token = subject_token
        self._lock = threading.Lock()
        self._token, self._renew_at = None, 0.0

    def __call__(self, request):
        request.headers["Authorization"] = "Bearer " + self.token()
        return request

    def token(self):
        with self._lock:  # one exchange at a time, however many threads ask
            if self._token is None or time.time() >= self._renew_at:
                self._exchange()
            return self._token

    def _exchange(self):
        asked = time.time()
        answer = requests.post(
            self._endpoint,
            data={
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "subject_token": self._subject_token().strip(),
            },
            timeout=15,
            allow_redirects=False,  # the next server would get the subject token
        )
        try:
            body = answer.json()
        except requests.exceptions.JSONDecodeError:
            body = {}
        if not isinstance(body, dict):
            body = {}
        if answer.status_code != 200 or "access_token" not in body:
            reason = str(body.get("reason"))
            if not re.fullmatch("[a-z_]{1,64}", reason):  # not the issuer's: it could be anything
                reason = "no reason"
            raise RuntimeError(f"the issuer answered {answer.status_code}: {reason}")
        self._token, self._renew_at = body["access_token"], asked + 0.8 * body["expires_in"]


def main(env=os.environ):
    app = msal.ConfidentialClientApplication(env["CLIENT_ID"], client_credential=env["CLIENT_SECRET"], authority=env["AUTHORITY"])

    def subject_token():
        result = app.acquire_token_for_client([env["API"] + "/.default"])  # msal keeps it for as long as it is good
        if "access_token" not in result:
            raise RuntimeError(f"Entra answered {result.get('error')}")
        return result["access_token"]

    session = requests.Session()
    session.auth = HasuraAuth(env["ISSUER"], subject_token)
    answer = session.post(env["HASURA"], json={"query": "{ __typename }"}, timeout=15)
    answer.raise_for_status()
    print(answer.text)


if __name__ == "__main__":
    sys.exit(main())
