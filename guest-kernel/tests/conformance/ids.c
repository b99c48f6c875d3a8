/* ids.c - users and groups, and capabilities. */
#include "conformance.h"
#include <grp.h>
#include <linux/capability.h>

static void tell(const char *call, const char *what)
{
    unsigned r, e, s;
    char text[60];
    Q(getresuid, &r, &e, &s);
    int n = snprintf(text, sizeof text, "uid %d %d %d", (int)r, (int)e, (int)s);
    Q(getresgid, &r, &e, &s);
    snprintf(text + n, sizeof text - (size_t)n, " gid %d %d %d", (int)r, (int)e, (int)s);
    show_text(call, what, text);
}

static void as_root(void)
{
    unsigned a;
    gid_t list[40] = {5, 3, 9};
    E(getuid, "root"), E(geteuid, "root"), E(getgid, "root"), E(getegid, "root");
    E(getresuid, "bad pointer", BAD, &a, &a);
    E(getresuid, "bad third pointer", &a, &a, BAD);
    E(getresgid, "bad pointer", &a, BAD, &a);
    E(getresgid, "ok", &a, &a, &a);
    E(getresuid, "ok", &a, &a, &a);
    E(setgroups, "three", 3, list);
    E(getgroups, "count", 0, 0L);
    E(getgroups, "too small", 2, list);
    E(getgroups, "negative", -1, list);
    E(getgroups, "all", 40, list);
    V(getgroups, "first", list[0]), V(getgroups, "last", list[2]);
    E(getgroups, "bad pointer", 40, BAD);
    E(setgroups, "bad pointer", 3, BAD);
    E(setgroups, "negative", -1, list);
    E(setgroups, "too many", 65537, list);
    E(setgroups, "none", 0, 0L);
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    E(capget, "ok", &h, d);
    V(capget, "all", (d[0].effective & 0xff) == 0xff);
    E(capget, "bad header", BAD, d);
    E(capget, "bad data", &h, BAD);
    h.pid = -5;
    E(capget, "negative pid", &h, d);
    h.pid = 99999;
    E(capget, "no such process", &h, d);
    h = (struct __user_cap_header_struct){77, 0};
    E(capget, "bad version", &h, d);
    V(capget, "version told", h.version);
    h.version = 77;
    E(capget, "bad version, only asking", &h, 0L);
}

static void drops_setuid(void)
{
    E(setgid, "as root", 100), E(setuid, "as root", 200);
    tell("setuid", "all three");
    E(setuid, "back", 0), E(setgid, "back", 0), E(setuid, "same", 200);
    E(setgroups, "user", 0, 0L);
    E(setresuid, "user: foreign", 0, -1, -1), E(setresgid, "user: foreign", -1, 0, -1);
    E(setreuid, "user: foreign", 5, -1), E(setregid, "user: foreign", -1, 5);
    E(setfsuid, "user: foreign, old", 0), E(setfsuid, "user: still", -1);
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    Q(capget, &h, d);
    V(capget, "user has none", d[0].effective == 0);
}

static void keeps_saved(void)
{
    E(setresuid, "1 2 3", 1, 2, 3);
    tell("setresuid", "then");
    E(setresuid, "permute", 2, 3, 1);
    E(setresuid, "foreign", 4, -1, -1);
    E(setresuid, "keep all", -1, -1, -1);
    tell("setresuid", "permuted");
    E(setuid, "to the saved one", 1);
    tell("setuid", "only the effective");
}

static void swaps(void)
{
    E(setregid, "7 8", 7, 8);
    tell("setregid", "saved follows");
    E(setreuid, "5 6", 5, 6);
    tell("setreuid", "saved follows");
    E(setreuid, "swap", 6, 5);
    tell("setreuid", "swapped");
}

static void file_ids(void)
{
    E(setfsuid, "old", 50), E(setfsuid, "set", -1), E(setfsgid, "old", 60), E(setfsgid, "set", -1);
    close((int)make_file("owned", ""));
    struct stat s = {0};
    E(newfstatat, "owner of a new file", AT_FDCWD, "owned", &s, 0);
    E(setresgid, "1 2 3", 1, 2, 3);
    tell("setresgid", "then");
    E(setfsgid, "follows the effective", -1);
}

void family_ids(void)
{
    as_root();
    show_child("setuid", "child", drops_setuid);
    show_child("setresuid", "child", keeps_saved);
    show_child("setreuid", "child", swaps);
    show_child("setfsuid", "child", file_ids);
}
