"""Runs a command on a terminal of its own and does what the steps on standard input say, one a line:

  see REGEX       a line of the screen comes to match      gone REGEX   no line does any more
  key NAME        a key: a letter, "space", "other"        size R C     the terminal has another size
  raw / cooked    how the terminal is set: keys one by one without echo, or as it was at first
  signal NAME     to the command                           run COMMAND  a shell command
  end CODE        it ends with that exit code              killed NAME  it dies of that signal
  hang up         the terminal goes away; it ends

The screen is kept as a terminal would show it (the sequences that `stint top` writes), and written to the file named first. Exit code 0 where every step came true within its time."""
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time

PATIENCE = 30
rows, columns = 24, 80
screen, cursor, pending = {}, [1, 1], b""
shot, command = sys.argv[1], sys.argv[2:]


def feed(data):
    global pending
    pending += data
    text = pending.decode("utf-8", "ignore")
    pending = b""
    while text:
        m = re.match(r"\x1b\[(\??)([0-9;]*)([A-Za-z])", text)
        if m:
            text = text[m.end():]
            kind, args, what = m.groups()
            if what == "H":
                cursor[:] = [int(n) for n in args.split(";")]
            elif what == "K":
                screen[cursor[0]] = ""
            elif what in "hl" and kind and args == "1049":
                screen.clear()
        elif text[0] == "\x1b":
            pending = text.encode()
            return
        else:
            screen[cursor[0]] = screen.get(cursor[0], "") + text[0]
            text = text[1:]


def drain(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.05)
        if not ready:
            return
        try:
            data = os.read(master, 65536)
        except OSError:
            return
        if not data:
            return
        feed(data)


def lines():
    return [screen.get(i, "") for i in range(1, rows + 1)]


def until(what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if what():
            return True
        drain(0.2)
    return what()


def resize():
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def is_raw():
    return not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO)


def step(line):
    global rows, columns, master
    word, _, rest = line.partition(" ")
    if word == "see":
        return until(lambda: any(re.search(rest, l) for l in lines()))
    if word == "gone":
        return until(lambda: not any(re.search(rest, l) for l in lines()))
    if word == "key":
        os.write(master, {"space": b" ", "other": b"\x1b[A"}.get(rest, rest.encode()))
    elif word == "size":
        rows, columns = (int(n) for n in rest.split())
        screen.clear()
        resize()
        os.kill(child.pid, signal.SIGWINCH)
    elif word == "raw":
        return until(is_raw)
    elif word == "cooked":
        return termios.tcgetattr(slave) == before
    elif word == "signal":
        os.kill(child.pid, getattr(signal, "SIG" + rest))
    elif word == "run":
        return subprocess.call(rest, shell=True) == 0
    elif word == "end":
        return until(lambda: child.poll() is not None) and child.returncode == int(rest)
    elif word == "killed":
        return until(lambda: child.poll() is not None) and child.returncode == -getattr(signal, "SIG" + rest)
    elif line == "hang up":
        os.close(slave)
        os.close(master)
        master = -1
        child.wait(PATIENCE)
    else:
        raise SystemExit("there is no step " + line)
    return True


master, slave = pty.openpty()
resize()
before = termios.tcgetattr(slave)
os.environ["TERM"] = "xterm"
child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
code = 0
try:
    for line in sys.stdin.read().splitlines():
        line = line.strip()
        if not step(line):
            print("not so:", line, "; the command's exit code is", child.poll())
            code = 1
            break
finally:
    if child.poll() is None:
        child.kill()
        child.wait()
    with open(shot, "w") as f:
        f.write("\n".join(lines()) + "\n")
sys.exit(code)
