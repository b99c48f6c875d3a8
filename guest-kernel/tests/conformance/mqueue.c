/* mqueue.c - POSIX message queues. */
#include "conformance.h"
#include <mqueue.h>
#include <poll.h>
#include <time.h>

#define OPEN(name, flags, attr) Q(mq_open, name, flags, 0600, attr)

static void opening(void)
{
    struct mq_attr a = {.mq_maxmsg = 3, .mq_msgsize = 16}, none = {.mq_maxmsg = 0, .mq_msgsize = 16},
                   large = {.mq_maxmsg = 65537, .mq_msgsize = 16}, much = {.mq_maxmsg = 60000, .mq_msgsize = 16000},
                   long_text = {.mq_maxmsg = 1, .mq_msgsize = (16 << 20) + 1}, now;
    char name[300];
    memset(name, 'n', sizeof name), name[256] = 0;
    E(mq_open, "no such queue", "none", O_RDWR, 0, 0L);
    E(mq_open, "empty name", "", O_RDWR, 0, 0L);
    E(mq_open, "slash", "a/b", O_RDWR | O_CREAT, 0600, 0L);
    E(mq_open, "dot", ".", O_RDWR | O_CREAT, 0600, 0L);
    E(mq_open, "two dots", "..", O_RDWR | O_CREAT, 0600, 0L);
    E(mq_open, "long name", name, O_RDWR | O_CREAT, 0600, 0L);
    E(mq_open, "bad name", BAD, O_RDWR | O_CREAT, 0600, 0L);
    E(mq_open, "bad attributes", "q", O_RDWR | O_CREAT, 0600, BAD);
    E(mq_open, "bad attributes not needed", "none", O_RDWR, 0600, BAD);
    E(mq_open, "no messages", "q", O_RDWR | O_CREAT, 0600, &none);
    E(mq_open, "too many messages", "q", O_RDWR | O_CREAT, 0600, &large);
    E(mq_open, "too large messages", "q", O_RDWR | O_CREAT, 0600, &long_text);
    E(mq_open, "beyond the limit", "q", O_RDWR | O_CREAT, 0600, &much);
    K(mq_open, "made", "q", O_RDWR | O_CREAT | O_EXCL, 0640, &a);
    E(mq_open, "exclusive", "q", O_RDWR | O_CREAT | O_EXCL, 0600, &a);
    K(mq_open, "made already, wrong numbers", "q", O_RDWR | O_CREAT, 0600, &none);
    E(mq_open, "access mode 3", "q", 3, 0600, &a);
    long q = OPEN("q", O_RDWR | O_NONBLOCK, 0L);
    V(mq_open, "close on exec", fcntl(q, F_GETFD));
    E(mq_getsetattr, "get", q, 0L, &now);
    V(mq_getsetattr, "flags", now.mq_flags), V(mq_getsetattr, "messages", now.mq_maxmsg);
    V(mq_getsetattr, "bytes", now.mq_msgsize), V(mq_getsetattr, "now", now.mq_curmsgs);
    now.mq_flags = 0;
    E(mq_getsetattr, "set", q, &now, 0L);
    V(mq_getsetattr, "flags now", fcntl(q, F_GETFL) & O_NONBLOCK);
    now.mq_flags = 1;
    E(mq_getsetattr, "wrong flag", q, &now, 0L);
    E(mq_getsetattr, "bad pointer", q, BAD, 0L);
    E(mq_getsetattr, "bad result", q, 0L, BAD);
    E(mq_getsetattr, "bad descriptor", 99, 0L, &now);
    E(mq_getsetattr, "not a queue", make_file("f", ""), 0L, &now);
    long d = OPEN("by default", O_RDONLY | O_CREAT, 0L);
    Q(mq_getsetattr, d, 0L, &now);
    V(mq_open, "default messages", now.mq_maxmsg), V(mq_open, "default bytes", now.mq_msgsize);
    E(mq_unlink, "ok", "by default");
    E(mq_unlink, "again", "by default");
    E(mq_unlink, "empty", "");
    E(mq_unlink, "slash", "a/b");
    E(mq_unlink, "bad pointer", BAD);
    E(mq_getsetattr, "without a name", d, 0L, &now);
}

static void messages(void)
{
    char b[32] = {0};
    unsigned priority = 7;
    struct timespec past = {1, 0}, wrong = {0, -1}, soon;
    long q = OPEN("q", O_RDWR | O_NONBLOCK, 0L), w = OPEN("q", O_WRONLY, 0L), r = OPEN("q", O_RDONLY, 0L);
    struct pollfd p = {(int)q, POLLIN | POLLOUT, 0};
    E(mq_timedreceive, "nothing", q, b, 16L, 0L, 0L);
    V(mq_timedreceive, "poll", poll(&p, 1, 0) == 1 ? p.revents : -1);
    E(mq_timedsend, "ok", q, "one", 3L, 1, 0L);
    E(mq_timedsend, "empty", q, "", 0L, 5, 0L);
    E(mq_timedsend, "same priority", w, "two", 3L, 1, 0L);
    V(mq_timedsend, "poll, full", poll(&p, 1, 0) == 1 ? p.revents : -1);
    E(mq_timedsend, "full", q, "x", 1L, 0, 0L);
    E(mq_timedsend, "full, time is over", w, "x", 1L, 0, &past);
    clock_gettime(CLOCK_REALTIME, &soon), soon.tv_nsec += 20000000, soon.tv_sec += soon.tv_nsec / 1000000000,
        soon.tv_nsec %= 1000000000;
    E(mq_timedsend, "full, waits", w, "x", 1L, 0, &soon);
    clock_gettime(CLOCK_REALTIME, &wrong);
    V(mq_timedsend, "until then",
      wrong.tv_sec > soon.tv_sec || (wrong.tv_sec == soon.tv_sec && wrong.tv_nsec >= soon.tv_nsec));
    wrong = (struct timespec){0, -1};
    E(mq_timedsend, "wrong time", w, "x", 1L, 0, &wrong);
    E(mq_timedsend, "bad time", w, "x", 1L, 0, BAD);
    E(mq_timedsend, "too long", w, b, 17L, 0, 0L);
    E(mq_timedsend, "bad pointer", w, BAD, 3L, 0, 0L);
    E(mq_timedsend, "priority too high", w, "x", 1L, 32768, 0L);
    E(mq_timedsend, "bad descriptor", 99, "x", 1L, 0, 0L);
    E(mq_timedsend, "read-only", r, "x", 1L, 0, 0L);
    E(mq_timedreceive, "too small", r, b, 15L, &priority, 0L);
    E(mq_timedreceive, "write-only", w, b, 16L, &priority, 0L);
    E(mq_timedreceive, "highest", r, b, 16L, &priority, 0L);
    V(mq_timedreceive, "its priority", priority);
    E(mq_timedreceive, "oldest", r, b, 16L, &priority, 0L);
    show_text("mq_timedreceive", "its text", b);
    E(mq_timedreceive, "bad pointer", r, BAD, 16L, &priority, 0L);
    E(mq_timedreceive, "lost by it", q, b, 16L, &priority, 0L);
    E(mq_timedreceive, "time is over", r, b, 16L, 0L, &past);
    E(mq_timedreceive, "bad descriptor", 99, b, 16L, 0L, 0L);
    pid_t pid = fork();
    if (!pid) usleep(20000), Q(mq_timedsend, w, "late", 4L, 2, 0L), _exit(0);
    E(mq_timedreceive, "waits", r, b, 16L, 0L, 0L);
    waitpid(pid, 0, 0);
    char text[100] = {0};
    Q(mq_timedsend, w, "four", 4L, 2, 0L);
    E(read, "queue as text", q, text, 99L);
    text[strcspn(text, " ")] = 0;
    show_text("read", "queue's bytes", text);
    E(lseek, "queue", q, 0L, 0);
    E(write, "queue", q, "x", 1L);
    Q(mq_timedreceive, r, b, 16L, 0L, 0L);
}

static volatile int signals, code, value;
static void on_signal(int signal, siginfo_t *info, void *context)
{
    signals++, code = info->si_code, value = info->si_value.sival_int;
}

static void notification(void)
{
    char b[16];
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    long q = OPEN("q", O_RDWR | O_NONBLOCK, 0L), second = OPEN("q", O_RDWR, 0L);
    sigaction(SIGUSR1, &action, 0);
    E(mq_notify, "ok", q, &e);
    E(mq_notify, "taken", q, &e);
    Q(mq_timedsend, q, "a", 1L, 0, 0L);
    V(mq_notify, "told", signals), V(mq_notify, "code", code), V(mq_notify, "value", value);
    E(mq_notify, "free again", q, &e);
    Q(mq_timedsend, q, "b", 1L, 0, 0L);
    V(mq_notify, "not if it was not empty", signals);
    E(mq_notify, "take back", q, 0L);
    E(mq_notify, "take back again", q, 0L);
    E(mq_notify, "ok again", q, &e);
    close(second);
    E(mq_notify, "given up by close", q, &e);
    e.sigev_notify = SIGEV_NONE;
    Q(mq_notify, q, 0L);
    E(mq_notify, "none", q, &e);
    e.sigev_notify = 9;
    E(mq_notify, "wrong kind", q, &e);
    e.sigev_notify = SIGEV_SIGNAL, e.sigev_signo = 99;
    E(mq_notify, "wrong signal", q, &e);
    E(mq_notify, "bad pointer", q, BAD);
    E(mq_notify, "bad descriptor", 99, 0L);
    E(mq_notify, "not a queue", make_file("f", ""), 0L);
    while (Q(mq_timedreceive, q, b, 16L, 0L, 0L) >= 0) {
    }
}

static void plain_user(void)
{
    struct mq_attr many = {.mq_maxmsg = 11, .mq_msgsize = 16}, large = {.mq_maxmsg = 1, .mq_msgsize = 8193};
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(mq_open, "user: another's", "q", O_RDONLY, 0, 0L);
    E(mq_open, "user: too many", "mine", O_RDWR | O_CREAT, 0600, &many);
    E(mq_open, "user: too large", "mine", O_RDWR | O_CREAT, 0600, &large);
    E(mq_unlink, "user: another's", "q");
    K(mq_open, "user: own", "mine", O_RDWR | O_CREAT, 0600, 0L);
    E(mq_unlink, "user: own", "mine");
}

void family_mqueue(void)
{
    opening();
    messages();
    notification();
    show_child("mq_open", "user", plain_user);
    E(mq_unlink, "open", "q");
}
