"""A mail server for tests: aiosmtpd with TLS, a login, greylisting and refusals.

It prints the port, then a line for each mail that it took. Arguments: the file of its
certificate and the file of the key of that.
"""

import asyncio
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Handler:
    def __init__(self):
        self.grey = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("grey"):
            self.grey += 1
            if self.grey < 3:
                return "451 4.7.1 greylisted"
        if address.startswith("no"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print("GOT", envelope.rcpt_tos[0], session.ssl is not None, session.authenticated, flush=True)
        if envelope.rcpt_tos[0].startswith("drop"):
            server.transport.abort()
            await asyncio.sleep(0.1)
            return "421 bye"
        if envelope.rcpt_tos[0].startswith("slow"):
            await asyncio.sleep(9)
        return "250 OK queued"


def login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login == b"u" and data.password == b"p"))


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
port = int(sys.argv[3])
controller = Controller(
    Handler(), hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True, authenticator=login, auth_required=True,
    data_size_limit=200_000, enable_SMTPUTF8=True,
)
controller.start()
print("PORT", port, flush=True)
sys.stdin.read()
controller.stop()
