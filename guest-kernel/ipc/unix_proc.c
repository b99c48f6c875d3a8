/*
 * unix_proc.c - /proc/net/unix: the sockets of the Unix family as text, for netstat and ss.
 *
 * The list changes while it is printed, and printing may sleep, which nobody may who holds unix_lock. So it is walked by place: the n-th
 * socket is described into a line under the lock, the line is printed without it. A socket that comes or goes meanwhile may
 * shift the others: one may be missing or stand there twice, as in every snapshot that is not taken in one moment.
 */
#include "base/format.h"
#include "base/string.h"
#include "ipc/socket.h"
#include "kern/init.h"

#define LINE_BYTES (80 + UNIX_PATH_MAX)

static struct list sockets = LIST_INIT(sockets); /* under unix_lock */

void unix_list_add(struct socket *s)
{
    spin_lock(&unix_lock);
    list_push_back(&sockets, &s->all_link);
    spin_unlock(&unix_lock);
}

void unix_list_remove(struct socket *s)
{
    spin_lock(&unix_lock);
    list_remove(&s->all_link);
    spin_unlock(&unix_lock);
}

/* Appends the name; the zero bytes of an abstract one are shown as @. */
static int name_text(const struct socket_address *a, char *to)
{
    unsigned bytes = a->bytes > 2 ? MIN(a->bytes - 2, UNIX_PATH_MAX) : 0;
    bool abstract = bytes && !a->name.path[0];
    unsigned n = 0;
    for (; n < bytes && (abstract || a->name.path[n]); n++) to[n] = a->name.path[n] ? a->name.path[n] : '@';
    return (int)n;
}

/* unix_lock held. */
static int describe(const struct socket *s, char line[LINE_BYTES])
{
    enum { FLAG_LISTENS = 0x10000, UNCONNECTED = 1, CONNECTED = 3 };
    bool listens = s->state == SOCKET_LISTENING;
    int n = format(line, LINE_BYTES, "%016lx: %08X 00000000 %08X %04X %02X %5lu", 0ul, (unsigned)s->refs.value + 1u,
                   listens ? FLAG_LISTENS : 0u, (unsigned)s->type, s->peer && !listens ? CONNECTED : UNCONNECTED,
                   s->file && s->file->inode ? s->file->inode->ino : 0ul);
    if (s->address) {
        line[n++] = ' ';
        n += name_text(s->address, line + n);
    }
    line[n++] = '\n';
    return n;
}

static void show_sockets(struct proc_text *text, void *unused)
{
    (void)unused;
    char line[LINE_BYTES];
    proc_print(text, "Num               RefCount Protocol Flags    Type St Inode Path\n");
    for (size_t n = 0;; n++) {
        struct socket *s;
        size_t at = 0;
        int bytes = -1;
        spin_lock(&unix_lock);
        list_for_each(s, &sockets, all_link)
        {
            if (at++ != n) continue;
            bytes = s->dead ? 0 : describe(s, line);
            break;
        }
        spin_unlock(&unix_lock);
        if (bytes < 0) return;
        proc_put(text, line, (size_t)bytes);
    }
}

static void unix_proc_init(void) { proc_add("net/unix", 0444, show_sockets, NULL, NULL); }
INIT(INIT_SUBSYSTEM, unix_proc_init);
