/*
 * unix_name.c - names of Unix sockets.
 *
 * A server has to be found. Its socket is *bound* to a name, of one of two kinds. A path: the kernel makes a file of type "socket"
 * there, on any file system, and whoever may write the file may connect; the file's inode in memory points to the socket. When
 * the server ends, the file stays and leads nowhere (ECONNREFUSED) until somebody removes it. An *abstract* name, which starts with a zero byte,
 * is only an entry in a list of the kernel and goes with its socket.
 */
#include "base/format.h"
#include "base/string.h"
#include "ipc/socket.h"
#include "kern/task.h"
#include "mm/slab.h"

#define FAMILY_BYTES 2u

static struct list abstract_names = LIST_INIT(abstract_names); /* under unix_lock */

int unix_name_check(const struct unix_name *name, unsigned bytes)
{
    if (bytes <= FAMILY_BYTES || bytes > sizeof *name || name->family != AF_UNIX) return -EINVAL;
    return 0;
}

/* The path as a string: it need not be terminated in the structure. */
static void path_of(const struct unix_name *name, unsigned bytes, char path[UNIX_PATH_MAX + 1])
{
    memset(path, 0, UNIX_PATH_MAX + 1);
    memcpy(path, name->path, bytes - FAMILY_BYTES);
}

static struct socket_address *address_new(const struct unix_name *name, unsigned bytes)
{
    struct socket_address *a = kzalloc(sizeof *a);
    if (!a) return 0;
    ref_init(&a->refs);
    a->bytes = bytes;
    memcpy(&a->name, name, bytes);
    return a;
}

/* unix_lock is held. Names of different types do not meet. */
static struct socket *find_abstract(const struct unix_name *name, unsigned bytes, int type)
{
    struct socket *s;
    list_for_each(s, &abstract_names, name_link)
    {
        if (s->type == type && s->address->bytes == bytes && memcmp(&s->address->name, name, bytes) == 0) return s;
    }
    return 0;
}

static struct socket *find_path(const char *path, int type)
{
    struct inode *inode = walk(AT_FDCWD, path, WALK_FOLLOW);
    if (IS_ERR(inode)) return (struct socket *)inode;
    int error = inode_permission(inode, 2);
    if (!error && !S_ISSOCK(inode->mode)) error = -ECONNREFUSED;
    struct socket *s = 0;
    spin_lock(&unix_lock);
    if (!error) s = inode->socket;
    if (s && s->type != type)
        error = -EPROTOTYPE;
    else if (s)
        socket_get(s);
    else if (!error)
        error = -ECONNREFUSED;
    spin_unlock(&unix_lock);
    inode_put(inode);
    return error ? ERR_PTR(error) : s;
}

struct socket *unix_find(const struct unix_name *name, unsigned bytes, int type)
{
    char path[UNIX_PATH_MAX + 1];
    if (name->path[0]) {
        path_of(name, bytes, path);
        return find_path(path, type);
    }
    spin_lock(&unix_lock);
    struct socket *s = find_abstract(name, bytes, type);
    if (s) socket_get(s);
    spin_unlock(&unix_lock);
    return s ? s : ERR_PTR(-ECONNREFUSED);
}

/* unix_lock is held. */
static int bind_abstract(struct socket *s, struct socket_address *a)
{
    if (s->address) return -EINVAL;
    if (find_abstract(&a->name, a->bytes, s->type)) return -EADDRINUSE;
    s->address = address_get(a);
    list_push_back(&abstract_names, &s->name_link);
    return 0;
}

static int bind_path(struct socket *s, const struct unix_name *name, unsigned bytes)
{
    char path[UNIX_PATH_MAX + 1];
    path_of(name, bytes, path);
    /* A name that fills the structure keeps its length; otherwise the terminating zero is counted. */
    unsigned used = FAMILY_BYTES + (unsigned)strlen(path) + 1;
    struct socket_address *a = address_new(name, MIN(used, (unsigned)sizeof *name));
    if (!a) return -ENOMEM;
    a->bytes = used;
    struct inode *inode = s->address ? walk(AT_FDCWD, path, 0) : 0;
    int error = inode && IS_ERR(inode) ? -EINVAL : -EEXIST;
    if (inode && !IS_ERR(inode)) inode_put(inode);
    if (!inode) error = vfs_mknod(AT_FDCWD, path, S_IFSOCK | 0777, 0);
    if (error == -EEXIST) error = -EADDRINUSE;
    inode = error ? 0 : walk(AT_FDCWD, path, 0);
    if (inode && IS_ERR(inode)) error = (int)PTR_ERR(inode);
    if (!error) {
        spin_lock(&unix_lock);
        if (s->address || inode->socket || !S_ISSOCK(inode->mode)) {
            error = -EINVAL;
        } else {
            s->address = address_get(a);
            s->inode = inode;
            inode->socket = s;
        }
        spin_unlock(&unix_lock);
        if (error) inode_put(inode);
    }
    address_put(a);
    return error;
}

int socket_autobind(struct socket *s)
{
    static uint32_t next;
    if (s->address) return 0;
    struct unix_name name = {.family = AF_UNIX};
    struct socket_address *a = address_new(&name, FAMILY_BYTES + 6);
    if (!a) return -ENOMEM;
    int error = 0;
    spin_lock(&unix_lock);
    do {
        format(a->name.path + 1, 6, "%05x", next++ & 0xfffff);
        error = bind_abstract(s, a);
    } while (error == -EADDRINUSE);
    spin_unlock(&unix_lock);
    address_put(a);
    return error == -EINVAL ? 0 : error; /* somebody else has just bound it */
}

int socket_bind(struct socket *s, const struct unix_name *name, unsigned bytes)
{
    if (bytes == FAMILY_BYTES && name->family == AF_UNIX) return socket_autobind(s);
    int error = unix_name_check(name, bytes);
    if (error) return error;
    if (name->path[0]) return bind_path(s, name, bytes);
    struct socket_address *a = address_new(name, bytes);
    if (!a) return -ENOMEM;
    spin_lock(&unix_lock);
    error = bind_abstract(s, a);
    spin_unlock(&unix_lock);
    address_put(a);
    return error;
}

void unix_name_release(struct socket *s, struct inode **inode)
{
    list_remove(&s->name_link);
    if (!s->inode) return;
    s->inode->socket = 0;
    *inode = s->inode;
    s->inode = 0;
}
