"""The user network: the guest reaches a server on the host, and the host reaches one in the guest."""
import contextlib
import functools
import hashlib
import http.server
import random
import socket
import threading
import time
import urllib.error
import urllib.request

from machine import check, quick

NETWORK = ("-netdev", "user,id=n0", "-device", "virtio-net-device,netdev=n0")


@contextlib.contextmanager
def http_server(folder):
    """Serves a folder on a free port of the loopback interface; yields the port."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *unused):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_lease(machine):
    machine.command("for i in 1 2 3 4 5 6 7 8 9; do ip addr show eth0 | grep -q 'inet ' && break; sleep 1; done")
    check("inet 10.0.2.15/24" in machine.command("ip addr show eth0"), "no address 10.0.2.15/24 from DHCP")


def some_bytes(count):
    return random.Random(count).randbytes(count)


@quick
def test_network_ping_and_fetch(space):
    folder = space.path / "www"
    folder.mkdir()
    (folder / "hello.txt").write_text("hello from the host\n")
    with http_server(folder) as port:
        machine = space.linux(*NETWORK).boot()
        wait_for_lease(machine)
        check("3 packets received" in machine.command("ping -c 3 10.0.2.2"), "ping lost packets")
        check(machine.command(f"wget -q -O - http://10.0.2.2:{port}/hello.txt") == "hello from the host\n", "wrong text")
        check(machine.command_status(f"wget -q -O - http://10.0.2.2:{port}/absent")[0] != 0, "an absent file was fetched")
        machine.poweroff()


def test_network_fetches_large_file(space):
    folder = space.path / "www"
    folder.mkdir()
    data = some_bytes(6 << 20)
    (folder / "large").write_bytes(data)
    with http_server(folder) as port:
        machine = space.linux(*NETWORK).boot()
        wait_for_lease(machine)
        text = machine.command(f"wget -q -O - http://10.0.2.2:{port}/large | sha256sum", 180)
        check(hashlib.sha256(data).hexdigest() in text, "the file was changed on its way")
        machine.poweroff()


def test_network_many_fetches_at_once(space):
    folder = space.path / "www"
    folder.mkdir()
    (folder / "page").write_bytes(some_bytes(100_000))
    digest = hashlib.sha256((folder / "page").read_bytes()).hexdigest()
    with http_server(folder) as port:
        machine = space.linux(*NETWORK, "-smp", 2).boot()
        wait_for_lease(machine)
        machine.command(f"for i in $(seq 8); do (for j in 1 2 3; do wget -q -O - http://10.0.2.2:{port}/page | sha256sum; done "
                        f">/tmp/sum$i) & done; wait", 240)
        count = machine.command(f"cat /tmp/sum* | grep -c {digest}; true").strip()
        check(count == "24", f"{count} of 24 fetches are right")
        machine.poweroff()


def test_network_forwards_into_guest(space):
    port = free_port()
    machine = space.linux("-netdev", f"user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:80",
                          "-device", "virtio-net-device,netdev=n0").boot()
    wait_for_lease(machine)
    machine.command("mkdir /tmp/www; seq 200000 > /tmp/www/numbers; httpd -p 80 -h /tmp/www")
    body = fetch(f"http://127.0.0.1:{port}/numbers")
    check(body == b"".join(b"%d\n" % n for n in range(1, 200001)), f"{len(body)} bytes came, not the file")
    machine.poweroff()


def fetch(address, seconds=60):
    """GET, with a second try while the guest's server comes up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=seconds) as answer:
                return answer.read()
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_network_offers_router_and_name_server(space):
    """DNS is offered at 10.0.2.3; no name is asked for, since tests need no network outside."""
    machine = space.linux(*NETWORK).boot()
    wait_for_lease(machine)
    check("nameserver 10.0.2.3" in machine.command("cat /etc/resolv.conf"), "DHCP offers no name server")
    check("default via 10.0.2.2" in machine.command("ip route"), "DHCP offers no router")
    machine.poweroff()
