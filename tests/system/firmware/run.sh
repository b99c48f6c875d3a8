#!/bin/bash
# run.sh HARTS KERNEL EMULATOR [OPTION...]: runs the firmware test kernel under an emulator and judges what it prints.
#
#   run.sh 4 build/tests/system/firmware/firmware_test.elf qemu-system-riscv64 -bios build/firmware/firmware.bin
#
# Three sessions: (1) test, cold reboot, test, warm reboot, test, shut down; (2) shut down as a failure, which must become
# exit status 1; (3) loaded without -kernel, shut down the legacy way. Then a kernel of zeros, which the firmware must refuse with one line and exit status 1.
# Exit status 0 only if every check in every round passed.
set -u
export LC_ALL=C # a broken firmware may print megabytes that are no text
[ $# -ge 3 ] || { echo "usage: run.sh HARTS KERNEL EMULATOR [OPTION...]" >&2; exit 2; }
harts=$1 kernel=$2
shift 2
command=(timeout -k 5 "${FIRMWARE_TEST_SECONDS:-180}" "$@" -M virt -smp "$harts" -m 256M -nographic)
checks=0 bad=0
transcript=$(mktemp)
trap 'rm -f "$transcript"' EXIT

complain() {
    echo "FAIL session '$letters': $*"
    bad=1 session_bad=1
}

# run_session LETTERS STATUS [loader]: answers the n-th prompt with the n-th letter; STATUS is the exit status wanted. loader: the kernel is put
# into memory without -kernel, so that the record at a2 knows no address.
run_session() {
    letters=$1 session_bad=0
    : >"$transcript"
    local how=(-kernel "$kernel") wanted=$2 round=0 passed=0 first=0 line status pid input output
    [ "${3:-}" != loader ] || how=(-device "loader,file=$kernel")
    coproc emulator { exec "${command[@]}" "${how[@]}" 2>&1; }
    pid=$emulator_PID
    exec {output}<&"${emulator[0]}" {input}>&"${emulator[1]}"
    while IFS= read -r -n 2000 line <&"$output"; do
        line=${line%$'\r'}
        printf '%s\n' "$line" >>"$transcript"
        case $line in
        PASS\ *) passed=$((passed + 1)) ;;
        FAIL\ * | got\ *) complain "$line" ;;
        HARTS\ *) [ "$line" = "HARTS $harts" ] || complain "wanted $harts harts: $line" ;;
        SOME-FAILED) complain "round $round" ;;
        "orrery firmware:"*) complain "$line" ;;
        "COMMAND?")
            [ $first -ne 0 ] || first=$passed
            [ $passed -eq $first ] && [ $passed -gt 0 ] || complain "round $round passed $passed checks, the first $first"
            checks=$((checks + passed)) passed=0
            [ $round -lt ${#letters} ] || { complain "came back after the last command"; kill "$pid"; break; }
            printf '%s' "${letters:round:1}" >&"$input"
            round=$((round + 1))
            ;;
        esac
    done
    wait "$pid"
    status=$?
    exec {output}<&- {input}>&-
    [ $round -eq ${#letters} ] || complain "$round rounds of ${#letters}"
    [ $status -eq "$wanted" ] || complain "exit status $status, wanted $wanted"
    [ $session_bad -eq 0 ] || { echo "--- last lines of session '$letters'"; tail -20 "$transcript"; }
}

run_session cwq 0
run_session f 1
run_session l 0 loader
letters='no kernel'
head -c 4096 /dev/zero >"$transcript"
refusal=$("${command[@]}" -kernel "$transcript" </dev/null 2>&1)
status=$?
[ $status -eq 1 ] || complain "exit status $status, wanted 1"
[[ $refusal == *"no next stage: load one with -kernel (0x80200000)"* ]] || complain "said: $refusal"
checks=$((checks + 2))

echo "firmware: $checks checks on $harts harts, $([ $bad -eq 0 ] && echo all passed || echo FAILED)"
exit $bad
