"""Where the serial port can go."""
import os
import re
import socket
import threading

from machine import LINUX, check

QUIET_BOOT = ("-M", "virt", "-m", "512M", "-kernel", LINUX / "Image", "-initrd", LINUX / "initrd.gz",
              "-append", "console=ttyS0 rdinit=/bin/poweroff panic=-1", "-no-reboot")


def test_serial_to_file(space):
    log = space.path / "console.log"
    status, out, _ = space.run(*QUIET_BOOT, "-nographic", "-serial", f"file:{log}", seconds=120)
    check(status == 0, f"exit status {status}")
    check("Run /bin/poweroff" in log.read_text(), "the console is not in the file")
    check("Linux version" not in out, "the console is on standard output as well")


def test_serial_to_nowhere(space):
    status, out, err = space.run(*QUIET_BOOT, "-nographic", "-serial", "null", seconds=120)
    check(status == 0, f"exit status {status}, stderr {err!r}")
    check("Linux" not in out, "the console is on standard output")


def test_serial_to_tcp(space):
    with socket.create_server(("127.0.0.1", 0)) as server:
        received = bytearray()

        def collect():
            connection, _ = server.accept()
            with connection:
                while block := connection.recv(65536):
                    received.extend(block)
        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        status, _, err = space.run(*QUIET_BOOT, "-nographic", "-serial", f"tcp:127.0.0.1:{port}", seconds=120)
        thread.join(10)
    check(status == 0, f"exit status {status}, stderr {err!r}")
    check(b"Run /bin/poweroff" in received, "the console did not come over TCP")


def test_serial_to_pty(space):
    machine = space.start(*QUIET_BOOT, "-nographic", "-serial", "pty")
    name = machine.expect(r"(/dev/pts/\d+)", 20).group(1)
    received = b""
    descriptor = os.open(name, os.O_RDWR | os.O_NOCTTY)
    try:
        while not re.search(rb"Run /bin/poweroff", received):
            received += os.read(descriptor, 65536)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    check(b"Run /bin/poweroff" in received, "the console did not come over the pseudo-terminal")
    check(machine.wait() == 0, "exit status is not 0")
