/*
 * attr.c - changing what an inode says about a file: mode, owner, times, size.
 *
 * Who may: the owner the mode and times; only root the owner; the group the owner, to a group he is in. Whenever a file is written
 * or changes hands by somebody other than root, it loses its set-id bits: else a program that runs as its owner could be
 * replaced by another.
 */
#include "fs/notify.h"
#include "fs/vfs_internal.h"
#include "kern/process.h"
#include "kern/task.h"

static int may_change_owner(struct inode *inode, const struct attr *attr)
{
    if (current->cred.fsuid == 0) return 0;
    if ((attr->mask & ATTR_UID) && (attr->uid != inode->uid || !inode_owner_ok(inode))) return -EPERM;
    if ((attr->mask & ATTR_GID) && (!inode_owner_ok(inode) || (attr->gid != inode->gid && !cred_in_group(attr->gid))))
        return -EPERM;
    return 0;
}

static int locked_setattr(struct inode *inode, struct attr *attr)
{
    if ((attr->mask & ATTR_MODE) && !inode_owner_ok(inode)) return -EPERM;
    int error = may_change_owner(inode, attr);
    if (error) return error;
    if ((attr->mask & (ATTR_UID | ATTR_GID)) && !S_ISDIR(inode->mode)) {
        uint32_t mode = attr->mask & ATTR_MODE ? attr->mode : inode->mode;
        mode &= ~S_ISUID;
        if (mode & 010) mode &= ~S_ISGID;
        attr->mode = mode;
        attr->mask |= ATTR_MODE;
    }
    if (attr->mask & ATTR_MODE) {
        if (current->cred.fsuid != 0 && !cred_in_group(inode->gid) && !S_ISDIR(inode->mode)) attr->mode &= ~S_ISGID;
        attr->mode = (attr->mode & 07777) | (inode->mode & S_IFMT);
    }
    if (!inode->ops || !inode->ops->setattr) return -EPERM;
    if (!(attr->mask & ATTR_CTIME)) {
        attr->mask |= ATTR_CTIME;
        attr->ctime_ns = inode_now();
    }
    return inode->ops->setattr(inode, attr);
}

int vfs_setattr(struct inode *inode, struct attr *attr)
{
    if (inode->sb->flags & MS_RDONLY) return -EROFS;
    mutex_lock(&inode->lock);
    int error = locked_setattr(inode, attr);
    mutex_unlock(&inode->lock);
    if (!error) notify_inode(inode, IN_ATTRIB);
    return error;
}

int vfs_truncate(struct inode *inode, uint64_t size)
{
    if (S_ISDIR(inode->mode)) return -EISDIR;
    if (!S_ISREG(inode->mode)) return -EINVAL;
    if (size > INT64_MAX) return -EINVAL;
    if (inode->sb->flags & MS_RDONLY) return -EROFS;
    if (current->process && size > inode->size && size > process_limit(RLIMIT_FSIZE)) {
        signal_send_task(current, SIGXFSZ, 0);
        return -EFBIG;
    }
    int64_t now = inode_now();
    struct attr attr = {.mask = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME, .size = size, .mtime_ns = now, .ctime_ns = now};
    mutex_lock(&inode->lock);
    if ((inode->mode & (S_ISUID | S_ISGID)) && current->cred.fsuid != 0) {
        attr.mask |= ATTR_MODE;
        attr.mode = inode->mode & ~(S_ISUID | ((inode->mode & 010) ? S_ISGID : 0));
    }
    int error = inode->ops && inode->ops->setattr ? inode->ops->setattr(inode, &attr) : -EPERM;
    mutex_unlock(&inode->lock);
    return error;
}

void inode_apply(struct inode *inode, const struct attr *attr)
{
    if (attr->mask & ATTR_MODE) inode->mode = (inode->mode & S_IFMT) | (attr->mode & 07777);
    if (attr->mask & ATTR_UID) inode->uid = attr->uid;
    if (attr->mask & ATTR_GID) inode->gid = attr->gid;
    if (attr->mask & ATTR_ATIME) inode->atime_ns = attr->atime_ns;
    if (attr->mask & ATTR_MTIME) inode->mtime_ns = attr->mtime_ns;
    if (attr->mask & ATTR_CTIME) inode->ctime_ns = attr->ctime_ns;
}

uint32_t dev_encode(uint64_t dev)
{
    uint32_t major = DEV_MAJOR(dev), minor = DEV_MINOR(dev);
    return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

uint64_t dev_decode(uint32_t encoded)
{
    return DEV_MAKE(encoded >> 8 & 0xfff, (encoded & 0xff) | (encoded >> 12 & 0xfff00));
}
