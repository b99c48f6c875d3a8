# A session at a busybox shell: jobs, line editing, vi, less, top. Run by console.py.
expect(PROMPT)
check(command("echo $((6 * 7))").strip() == "42", "the shell counts")
check("24 80" in command("stty size"), "the size of the window")
check("/dev/ttyS0" in command("tty"), "the name of the terminal")

# Jobs: stop, list, continue in the background and in the foreground, interrupt.
type("sleep 1000\r"); expect("sleep 1000\r\n"); press("\x1a", "Stopped"); expect(PROMPT)
check("Stopped" in command("jobs"), "the job is listed as stopped")
check("sleep 1000" in command("bg"), "it goes on in the background")
check("Running" in command("jobs"), "and is listed so")
type("fg\r"); expect("sleep 1000\r\n"); press("\x03", PROMPT)
check(command("echo status $?").strip() == "status 130", "^C ends it")
type("while true; do :; done\r"); expect("done\r\n"); press("\x03", PROMPT)
type("cat | cat\r"); expect("cat\r\n"); press("\x1c", PROMPT)

# The terminal's own line editing, and end of file.
type("echo go; cat\r"); expect("cat\r\ngo\r\n"); type("abX\x7fc\r"); expect(r"abX\x08 \x08c\r\nabc\r\n"); press("\x04", PROMPT)
# The shell's: history, cursor, erasing.
command("echo first")
type("\x1b[A"); expect("echo first"); type("\r"); expect("\nfirst\r\n"); expect(PROMPT)
type("echo bc\x1b[D\x1b[Da\r"); expect("\nabc\r\n"); expect(PROMPT)

# vi: inserts, moves, deletes a line, saves. A screen may be painted in pieces: what counts is what it shows in the end.
type("vi /tmp/text\r"); shows(r"^- /tmp/text 1/1.*\Z")
type("ifirst line\rsecond line\rthird line"); shows(r"\Afirst line\nsecond line\nthird line\n~.*^I /tmp/text .* 3/3")
type("\x1b"); shows(r"^- /tmp/text .* 3/3"); type("\x0c"); shows(r"\Afirst line\nsecond line\nthird line\n~")
type("k"); shows(r"^- /tmp/text .* 2/3"); type("dd"); shows(r"\Afirst line\nthird line\n~")
type("gg"); type("A"); shows("^I /tmp/text .* 1/2"); type("X"); shows(r"\Afirst lineX\n"); type("\x1b"); shows("^- /tmp/text .* 1/2"); type(":wq\r"); expect(PROMPT)
check(command("cat /tmp/text") == "first lineX\nthird line\n", "vi's file")
# Searches, stops, goes on, follows the window's new size (the stop lets another command change it), leaves without saving.
command("seq 1 60 >/tmp/long")
type("vi /tmp/long\r"); shows(r"\A1\n2\n.*^- /tmp/long"); type("/^45\r"); shows("^- /tmp/long 45/60"); type("G"); shows("^- /tmp/long 60/60")
press("\x1a", "Stopped"); expect(PROMPT)
command("stty rows 12")
type("fg\r"); shows(r"\A([^\n]*\n){11}- /tmp/long"); type("1G"); shows(r"\A1\n([^\n]*\n){10}- /tmp/long 1/60"); type("dd"); shows(r"\A2\n3\n"); type(":q!\r"); expect(PROMPT)
check(command("wc -l </tmp/long").strip() == "60", "vi left the file alone")
type("vi /tmp/long\r"); shows(r"\A1\n([^\n]*\n){10}- /tmp/long 1/60"); press("\x1a", "Stopped"); expect(PROMPT); command("stty rows 24")
type("fg\r"); shows(r"\A([^\n]*\n){23}- /tmp/long"); type(":q\r"); expect(PROMPT)

# less: pages, searches, the end.
type("seq 1 500 | less\r"); shows(r"\A1\n2\n.*^23\n[^\n]*standard input"); type(" "); shows(r"\A24\n.*^46\n:?")
type("/^333\r"); shows(r"\A333\n.*^355\n"); press("\x1a", "Stopped"); expect(PROMPT); check("less" in command("jobs"), "less is stopped")
type("fg\r"); expect(r"fg\r\n.*less\r\n"); type("\x1b[F"); shows(r"^499\n500\n"); press("q", PROMPT)

# top: a screen, then another, then the end.
type("top -d 1\r"); expect("Load average"); expect("PID.*COMMAND"); expect("Load average"); press("q", PROMPT)
# It takes ^Z for itself, so somebody else stops it; it goes on, in front, where it was.
type("(sleep 3; busybox killall -STOP top) & top -d 1\r"); expect("Load average"); expect("PID.*COMMAND"); expect("Stopped"); expect(PROMPT)
check("top" in command("jobs"), "top is stopped")
type("fg\r"); expect(r"top -d 1\r?\n"); expect("Load average"); expect("PID.*COMMAND"); expect("Load average"); press("q", PROMPT)

check("Linux" in command("uname"), "the shell is alive")
type("exit\r")
