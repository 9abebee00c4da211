"""mail_server.py DIR: real mail servers (aiosmtpd) on 127.0.0.1. One takes mail of everybody, one with STARTTLS of users alone, one speaks TLS from the first byte.

Ports go to DIR/plain, DIR/login and DIR/tls, each mail to DIR/N.mail, its envelope to DIR/N.envelope. DIR/cert.pem and DIR/key.pem are the certificate.
Recipients that begin with "busy" are answered 450, with "nobody" 550. Ends with its parent."""
import asyncio, ctypes, os, signal, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

ctypes.CDLL(None).prctl(1, signal.SIGTERM)      # PR_SET_PDEATHSIG
where = sys.argv[1]


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("busy"):
            return "450 4.2.1 that mailbox is busy"
        if address.startswith("nobody"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        n = Handler.count
        with open(f"{where}/{n}.envelope", "w") as f:
            print(envelope.mail_from, *envelope.rcpt_tos, "tls" if server.transport.get_extra_info("sslcontext") else "clear", session.auth_data or "-", file=f)
        with open(f"{where}/{n}.mail.new", "wb") as f:
            f.write(envelope.original_content)
        os.rename(f"{where}/{n}.mail.new", f"{where}/{n}.mail")
        return f"250 2.0.0 taken as {n}"


def login(server, session, envelope, mechanism, data):
    good = data.login == b"stint" and data.password == "pässword".encode()
    return AuthResult(success=good, handled=good, auth_data="stint" if good else None)


tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(f"{where}/cert.pem", f"{where}/key.pem")
servers = {
    "plain": ({}, None),
    "login": ({"tls_context": tls, "require_starttls": True, "authenticator": login, "auth_required": True}, None),
    "tls": ({"authenticator": login, "auth_required": True, "auth_require_tls": False}, tls),
}


async def main():
    for name, (options, context) in servers.items():
        server = await asyncio.get_running_loop().create_server(lambda options=options: SMTP(Handler(), enable_SMTPUTF8=True, **options), "127.0.0.1", 0, ssl=context)
        with open(f"{where}/{name}.new", "w") as f:
            print(server.sockets[0].getsockname()[1], file=f)
        os.rename(f"{where}/{name}.new", f"{where}/{name}")
    await asyncio.Event().wait()


asyncio.run(main())
