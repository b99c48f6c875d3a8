"""The terminal: it works raw while the machine runs and is as before on every kind of exit."""
import signal
import termios

from machine import LINUX, check, quick


def raw_now(machine):
    flags = termios.tcgetattr(machine.slave)
    return not flags[3] & (termios.ICANON | termios.ECHO)


def check_restored(machine):
    check(termios.tcgetattr(machine.slave) == machine.settings, "the terminal's settings differ from before")


def started(space, *arguments):
    machine = space.linux(*arguments)
    machine.expect("Linux version", 60)
    check(raw_now(machine), "the terminal is not raw while the machine runs")
    return machine


@quick
def test_terminal_restored_after_ctrl_a_x(space):
    machine = started(space)
    machine.send("\x01x")
    check(machine.wait(20) == 0, "Ctrl-a x does not end with status 0")
    check_restored(machine)


def test_terminal_restored_after_poweroff(space):
    machine = started(space).boot()
    machine.poweroff()
    check_restored(machine)


def test_terminal_restored_after_signals(space):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        machine = started(space)
        machine.signal(number)
        machine.wait(20)
        check_restored(machine)


def test_terminal_untouched_by_bad_option(space):
    machine = space.start("-M", "virt", "-nographic", "-kernel", "/absent")
    check(machine.wait(20) != 0, "an absent kernel does not fail")
    check_restored(machine)


def test_terminal_ctrl_c_goes_to_guest(space):
    machine = space.linux().boot()
    machine.send("echo rea''dy; sleep 1000\r")    # by then the shell has given its terminal back its line discipline
    machine.expect("^ready$")
    machine.send("\x03")
    machine.boot()    # the prompt comes back
    check(machine.command("echo alive").strip() == "alive", "the shell does not answer")
    machine.poweroff()


def test_terminal_ctrl_a_twice_sends_ctrl_a(space):
    machine = space.linux().boot()
    machine.send("stty -icanon -echo; echo rea''dy; dd bs=1 count=1 2>/dev/null | xxd -p; stty sane\r")
    machine.expect("^ready$")
    machine.send("\x01\x01")
    machine.expect("^01$")
    machine.boot()
    machine.send("\x01x")
    machine.wait(20)


def test_terminal_help_and_monitor(space):
    machine = space.linux().boot()
    machine.send("\x01h")
    machine.expect(r"(?i)c-a x|ctrl-a x")
    machine.send("\x01c")
    machine.send("info registers\r")
    machine.expect(r"\bsepc\b", 10)
    machine.send("\x01c")
    machine.send("\r")
    machine.boot()
    machine.send("\x01c")
    machine.send("quit\r")
    check(machine.wait(20) == 0, "quit does not end with status 0")
    check_restored(machine)


def test_terminal_not_needed(space):
    """Standard input from nowhere, output to a pipe: the guest boots, and the end of input is not the machine's end."""
    status, out, _ = space.run("-M", "virt", "-nographic", "-m", "512M", "-kernel", LINUX / "Image",
                               "-initrd", LINUX / "initrd.gz", "-append", "console=ttyS0 rdinit=/bin/poweroff panic=-1",
                               "-no-reboot", seconds=120)
    check("Run /bin/poweroff as init process" in out, "the console's output did not come through a pipe")
    check(status == 0, f"exit status {status}")
