"""A mail server that wants TLS and a login, and prints each mail that it gets as a line of JSON.

Arguments: implicit or starttls; the certificate; its key; user name; password; what to do with the
first mails, in order: 451 (refuse for now), 550 (refuse) or drop (take it, and close without an answer).
"""

import asyncio
import email
import email.policy
import hashlib
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

# That a login needs no STARTTLS, for one, which has TLS from the start.
logging.disable(logging.WARNING)

mode, certificate, key, username, password, *faults = sys.argv[1:]


def part(found):
    return {
        "type": found.get_content_type(),
        "charset": found.get_content_charset(),
        "text": found.get_content(),
        "defects": [repr(defect) for defect in found.defects],
    }


class Handler:
    async def handle_DATA(self, server, session, envelope):
        fault = faults.pop(0) if faults else ""
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = list(mail.iter_parts())
        line = {
            "fault": fault,
            "has_tls": server.transport.get_extra_info("ssl_object") is not None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "hash": hashlib.sha256(envelope.content).hexdigest(),
            "headers": [[name, str(value)] for name, value in mail.items()],
            "type": mail.get_content_type(),
            "defects": [repr(defect) for defect in mail.defects],
            "parts": [part(found) for found in parts],
        }
        print(json.dumps(line), flush=True)
        if fault == "drop":
            server.transport.abort()
            return "250 never sent"
        if fault:
            return fault + " 4.3.0 not now"
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    fits = (data.login.decode(), data.password.decode()) == (username, password)
    # If it is not handled, the server answers with a refusal.
    return AuthResult(success=fits, handled=False)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    starttls = mode == "starttls"

    def session():
        return SMTP(
            Handler(),
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=True,
            auth_require_tls=starttls,
            authenticator=authenticate,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=None if starttls else context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
