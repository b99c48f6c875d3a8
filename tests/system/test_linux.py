"""Debian's kernel boots, works and powers off: on our firmware, on Debian's, with several harts, with little and much memory."""
import re

from machine import LINUX, check, quick


def works(machine):
    """The shell answers, and power-off ends the emulator with status 0."""
    machine.boot()
    check(machine.command("echo $((6 * 7))").strip() == "42", "the shell cannot multiply")
    check("riscv64" in machine.command("uname -m"), "uname -m does not say riscv64")
    machine.poweroff()


@quick
def test_linux_boots_and_powers_off(space):
    works(space.linux())


def test_linux_sees_four_harts(space):
    machine = space.linux("-smp", 4).boot()
    check(machine.command("nproc").strip() == "4", "nproc does not say 4")
    for hart in range(4):    # each of them runs a program
        check(machine.command(f"taskset -c {hart} echo ran").strip() == "ran", f"hart {hart} ran nothing")
    machine.poweroff()
