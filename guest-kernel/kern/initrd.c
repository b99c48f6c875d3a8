/*
 * initrd.c - unpacking the initial file system. See initrd.h.
 *
 * A cpio archive is a row of members: a header of 110 hexadecimal characters, the name, the content, each padded to 4 bytes. The member
 * "TRAILER!!!" ends an archive; zero bytes and another archive may follow. Hard links come as members with the same inode
 * number, of which only the last has the content.
 *
 *      magic "070701", then 13 numbers of 8 digits: ino mode uid gid nlink mtime filesize devmajor devminor
 *                                                   rdevmajor rdevminor namesize check
 *
 * The archive comes from outside: every length is checked against what is left.
 *
 * Source: cpio(5), "New ASCII Format".
 */
#include "kern/initrd.h"

#include "arch/layout.h"
#include "arch/machine.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "mm/slab.h"

#define HEADER_BYTES 110u

enum { INO, MODE, UID, GID, NLINK, MTIME, FILESIZE, DEVMAJOR, DEVMINOR, RDEVMAJOR, RDEVMINOR, NAMESIZE, CHECK, FIELDS };

struct member {
    uint32_t field[FIELDS];
    char name[PATH_MAX];
    const char *content;
};

struct archive {
    const char *at;
    size_t left;
};

static bool read_hex(const char *text, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 8; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return false;
        *value = *value << 4 | (uint32_t)digit;
    }
    return true;
}

static bool skip(struct archive *archive, size_t bytes)
{
    if (bytes > archive->left) return false;
    archive->at += bytes;
    archive->left -= bytes;
    return true;
}

/* 1: a member; 0: the end; -EINVAL. */
static int next_member(struct archive *archive, const char *start, struct member *member)
{
    while (archive->left && !*archive->at) skip(archive, 1);
    if (archive->left < HEADER_BYTES) return archive->left ? -EINVAL : 0;
    if (memcmp(archive->at, "070701", 6) && memcmp(archive->at, "070702", 6)) return -EINVAL;
    for (int i = 0; i < FIELDS; i++)
        if (!read_hex(archive->at + 6 + 8 * i, &member->field[i])) return -EINVAL;
    skip(archive, HEADER_BYTES);
    size_t name_bytes = member->field[NAMESIZE], content_bytes = member->field[FILESIZE];
    if (!name_bytes || name_bytes > sizeof member->name || name_bytes > archive->left) return -EINVAL;
    memcpy(member->name, archive->at, name_bytes);
    if (member->name[name_bytes - 1]) return -EINVAL;
    skip(archive, name_bytes);
    if (!skip(archive, -(size_t)(archive->at - start) & 3)) return -EINVAL;
    member->content = archive->at;
    if (!skip(archive, content_bytes)) return -EINVAL;
    skip(archive, MIN(-(size_t)(archive->at - start) & 3, archive->left));
    return 1;
}

static int write_file(const struct member *member)
{
    struct file *file = vfs_open(AT_FDCWD, member->name, O_WRONLY | O_CREAT | O_TRUNC, member->field[MODE] & 07777);
    if (IS_ERR(file)) return (int)PTR_ERR(file);
    size_t done = 0, bytes = member->field[FILESIZE];
    int error = 0;
    while (done < bytes && !error) {
        ssize_t n = file_write_kernel(file, member->content + done, bytes - done);
        if (n <= 0)
            error = n ? (int)n : -ENOSPC;
        else
            done += (size_t)n;
    }
    file_put(file);
    return error;
}

static int make_link(const struct member *member)
{
    char *target = kzalloc(member->field[FILESIZE] + 1ul);
    if (!target) return -ENOMEM;
    memcpy(target, member->content, member->field[FILESIZE]);
    int error = vfs_symlink(target, AT_FDCWD, member->name);
    kfree(target);
    return error;
}

static int unpack(const struct member *member)
{
    unsigned mode = member->field[MODE];
    if (S_ISREG(mode)) return write_file(member);
    if (S_ISLNK(mode)) return member->field[FILESIZE] < PATH_MAX ? make_link(member) : -ENAMETOOLONG;
    int error;
    if (S_ISDIR(mode))
        error = vfs_mkdir(AT_FDCWD, member->name, mode & 07777);
    else
        error = vfs_mknod(AT_FDCWD, member->name, mode, DEV_MAKE(member->field[RDEVMAJOR], member->field[RDEVMINOR]));
    return error == -EEXIST ? 0 : error;
}

/* A file with several names: makes this one a link to the first one met, whose content comes with the last. 1: this is the first. */
static int link_earlier(struct archive *archive, const char *start, const struct member *member)
{
    struct archive again = {start, (size_t)(archive->at - start)};
    struct member *other = kmalloc(sizeof *other);
    if (!other) return -ENOMEM;
    int error = 1;
    while (error == 1 && next_member(&again, start, other) == 1) {
        bool same = other->field[INO] == member->field[INO] && S_ISREG(other->field[MODE]);
        if (same && !strcmp(other->name, member->name)) break;
        if (same) error = vfs_link(AT_FDCWD, other->name, AT_FDCWD, member->name, 0);
    }
    kfree(other);
    return error;
}

int initrd_unpack(void)
{
    if (!machine.initrd.bytes) return 0;
    const char *start = pa_to_va(machine.initrd.base);
    struct archive archive = {start, machine.initrd.bytes};
    struct member *member = kmalloc(sizeof *member);
    if (!member) return -ENOMEM;
    int error, count = 0;
    while ((error = next_member(&archive, start, member)) == 1) {
        if (!strcmp(member->name, "TRAILER!!!")) continue;
        if (!strcmp(member->name, ".")) continue;
        bool linked = member->field[NLINK] > 1 && S_ISREG(member->field[MODE]);
        error = linked ? link_earlier(&archive, start, member) : 1;
        if (error == 1 || (!error && member->field[FILESIZE])) error = unpack(member);
        if (error) {
            printk("initrd: %s: error %d\n", member->name, -error);
            break;
        }
        count++;
    }
    if (error == -EINVAL)
        printk("initrd: not a cpio archive (newc), or damaged, at byte %zu\n", (size_t)(archive.at - start));
    if (!error) printk("initrd: %d files\n", count);
    kfree(member);
    return error;
}
