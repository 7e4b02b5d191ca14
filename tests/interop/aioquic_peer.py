#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""aioquic as the other end of interop.c: the same command line, the same cases.

aioquic has no client certificates on its server's side, so as a server it authenticates itself only.
"""
import asyncio
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived

ALPN = "stoq/1"
CODE_OF_CLIENT, CODE_OF_SERVER = 42, 43
CASES = {
    "handshake": (1, 10),
    "big": (1, 100_000_000),
    "streams": (200, 5000),
    "keys": (1, 5_000_000),
    "migrate": (1, 5_000_000),
    "resume": (1, 10),
    "close": (1, 5),
}


class Server(QuicConnectionProtocol):
    """Sends back what comes."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.begun = set()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            print(f"closed code={event.error_code} reason='{event.reason_phrase}'", flush=True)
        if not isinstance(event, StreamDataReceived):
            return
        if event.stream_id not in self.begun and event.data.startswith(b"close"):
            self._quic.close(error_code=CODE_OF_SERVER, reason_phrase="as the client wished")
        else:
            self._quic.send_stream_data(event.stream_id, event.data, event.end_stream)
        self.begun.add(event.stream_id)
        self.transmit()


class Client(QuicConnectionProtocol):
    """Collects what comes back, stream by stream."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.back, self.left, self.done = {}, 0, asyncio.Event()
        self.terminated, self.case = None, None

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.terminated = event
            self.done.set()
        if not isinstance(event, StreamDataReceived):
            return
        self.back.setdefault(event.stream_id, bytearray()).extend(event.data)
        self.left -= event.end_stream
        if not self.left:
            self.done.set()
        if self.case == "keys" and event.stream_id == 0:
            self.update_keys()

    def update_keys(self):
        """Three times, a megabyte apart."""
        if len(self.back[0]) // 1_000_000 > self.updates and self.updates < 3:
            self.updates += 1
            self.request_key_update()


async def rebind(client):
    """Another address of ours: a new socket, and an ID that was not used on the old path.

    Not before the handshake is confirmed (RFC 9000, section 9), as it is when data have come back.
    """
    while len(client.back.get(0, b"")) < 1_000_000:
        await asyncio.sleep(0.01)
    old = client._transport
    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: client, local_addr=("::ffff:127.0.0.3", 0)
    )
    old.abort()
    client.change_connection_id()


async def converse(configuration, address, port, case, tickets):
    """One connection of a case; whether TLS's session was resumed."""
    streams, size = CASES[case]
    payload = b"close" if case == "close" else (bytes(range(251)) * (size // 251 + 1))[:size]
    async with connect(
        address, port, configuration=configuration, create_protocol=Client,
        session_ticket_handler=tickets.append, local_port=0,
    ) as client:
        client.case, client.updates, client.left = case, 0, streams
        for i in range(streams):
            client._quic.send_stream_data(4 * i, payload, True)
        client.transmit()
        mover = asyncio.ensure_future(rebind(client)) if case == "migrate" else None
        await asyncio.wait_for(client.done.wait(), 110)
        if mover:
            await mover
        if case == "close":
            assert client.terminated and client.terminated.error_code == CODE_OF_SERVER, (
                f"ended by {client.terminated}")
            return False
        assert not client.terminated, f"ended by {client.terminated}"
        assert len(client.back) == streams, "not all streams came back"
        assert all(bytes(back) == payload for back in client.back.values()), "other bytes"
        if case == "resume":
            await asyncio.sleep(0.3)
        resumed = client._quic.tls.session_resumed
        # The protocol's own close() takes no code in aioquic before 1.0.
        client._quic.close(error_code=CODE_OF_CLIENT, reason_phrase="done")
        client.transmit()
        return resumed


def configuration_of(node, client):
    configuration = QuicConfiguration(is_client=client, alpn_protocols=[ALPN])
    configuration.load_cert_chain(f"{node}/cert.pem", f"{node}/key.pem")
    configuration.load_verify_locations(f"{node}/ca.pem")
    configuration.verify_mode = ssl.CERT_REQUIRED if client else None
    configuration.idle_timeout = 30
    return configuration


async def run_client(address, port, node, name, case):
    configuration = configuration_of(node, True)
    configuration.server_name = name
    tickets = []
    await converse(configuration, address, port, case, tickets)
    if case == "resume":
        assert tickets, "no ticket came"
        configuration.session_ticket = tickets[-1]
        assert await converse(configuration, address, port, case, []), "not resumed"


async def run_server(address, port, node, retry):
    tickets = {}
    await serve(
        address, port, configuration=configuration_of(node, False), create_protocol=Server,
        retry=retry, session_ticket_handler=lambda t: tickets.update({t.ticket: t}),
        session_ticket_fetcher=lambda label: tickets.pop(label, None),
    )
    await asyncio.Future()


def main():
    address, port, node = sys.argv[2], int(sys.argv[3]), sys.argv[4]
    if sys.argv[1] == "server":
        asyncio.run(run_server(address, port, node, len(sys.argv) > 5))
        return
    name, case = sys.argv[5:7]
    try:
        asyncio.run(run_client(address, port, node, name, case))
    except Exception as error:  # whatever it is, it is the result
        print(f"FAILED {case}: {type(error).__name__} {error}")
        sys.exit(1)
    print(f"ok {case}")


if __name__ == "__main__":
    main()
