/*
 * kfs.h - KFS in the kernel: what its files share. The format is in kfs_format.h, the transactions in journal.h.
 *
 * Who holds what: inode->lock for directories and size (VFS); map_lock for the pointers of one file, so that pages can be written while
 * somebody holds inode->lock; alloc_lock for the bitmaps. Order: inode->lock, page lock, begin of a transaction, map_lock, alloc_lock.
 */
#ifndef KEPLER_FS_KFS_H
#define KEPLER_FS_KFS_H

#include "base/radix.h"
#include "fs/bcache.h"
#include "fs/journal.h"
#include "fs/kfs_format.h"
#include "fs/vfs_internal.h"

#define EUCLEAN 117 /* the disk holds something impossible: fsck.kfs is due */

struct kfs {
    struct superblock *sb;
    struct kfs_super super;
    struct bcache cache;
    struct journal journal;
    struct mutex alloc_lock; /* bitmaps and what follows */
    uint64_t **pending;      /* by bitmap block: blocks freed, not yet to be used; NULL: none */
    uint64_t free_blocks;    /* neither pending nor in use */
    uint64_t promised;       /* of these, kept for pages not yet written */
    uint64_t free_inodes;
    uint32_t inode_hint;
    bool damaged; /* reported once */
    bool
        unrecovered; /* mounted from a device that could not be written: the log is as it was, so nothing may be written later */
    bool left_over; /* for want of memory a deleted file is still there, or a shortened one has its blocks */
    uint8_t *block; /* for the superblock, kept ready */
    /* What mounting has found. */
    const char *wrong; /* NULL, or why it is refused */
    unsigned replica;  /* of the superblock that is used */
    unsigned deleted;  /* files that were still open */
    struct kfs_replayed replayed;
    bool flusher_stop, flusher_gone;
    struct spinlock flusher_lock;
    struct waitq flusher_wait;
};

struct kfs_file {
    struct inode inode;
    struct mutex map_lock; /* pointers, disk_size, flags, promised pages */
    uint32_t direct[KFS_DIRECT], indirect[3];
    uint16_t flags;
    bool unborn;           /* its making has failed: nothing on the disk knows it */
    uint64_t blocks;       /* owned */
    uint64_t disk_size;    /* size as the disk knows it: bytes behind it are not written yet */
    uint64_t sequence;     /* last transaction that changed it */
    uint32_t goal;         /* where to look for the next block */
    struct radix promised; /* pages that have room on the disk kept for them: page number -> blocks * 2 + 1 */
    char *symlink;
    struct kfs_index *index; /* of a large directory; NULL: none. Under the directory's lock */
    uint32_t room_from;      /* with an index: blocks before this one have no room for another name */
};

static inline struct kfs_file *kfs_file(struct inode *inode) { return container_of(inode, struct kfs_file, inode); }
static inline struct kfs *kfs_of(struct inode *inode) { return inode->sb->private; }

/* kfs_alloc.c */
int kfs_count_free(struct kfs *kfs);
int kfs_alloc_block(struct kfs *kfs, struct handle *handle, uint32_t goal, bool was_promised, uint32_t *block);
int kfs_free_block(struct kfs *kfs, struct handle *handle, uint32_t block, bool metadata);
/* Undo of what the same operation has done: cannot fail, since the bitmap's block is in the transaction. */
void kfs_return_block(struct kfs *kfs, struct handle *handle, uint32_t block);
int kfs_alloc_inode(struct kfs *kfs, struct handle *handle, uint32_t *number);
int kfs_free_inode(struct kfs *kfs, struct handle *handle, uint32_t number);
void kfs_release_pending(void *kfs, uint32_t block, uint32_t count);
bool kfs_is_data(const struct kfs *kfs, uint32_t block);
int kfs_damaged(struct kfs *kfs, const char *what, uint64_t number); /* says so once; -EUCLEAN */

/* kfs_map.c; map_lock held */
#define KFS_MAP_CREDITS 8 /* one block with its pointer blocks and bitmaps */
int kfs_map(struct kfs_file *file, uint64_t position, uint32_t *block); /* 0 in *block: a hole */
int kfs_map_new(struct kfs_file *file, struct handle *handle, uint64_t position, bool promised, bool metadata,
                uint32_t *block);
unsigned kfs_map_cost(struct kfs_file *file,
                      uint64_t position); /* blocks that kfs_map_new would take; 0: it is there */
/* Undo of a kfs_map_new for a file's data in the same operation. */
void kfs_map_undo(struct kfs_file *file, struct handle *handle, uint64_t position);
/* Frees blocks behind `size` bytes, as many as the handle has credits for. 0: all done; -EAGAIN: more to do. */
int kfs_map_trim(struct kfs_file *file, struct handle *handle, uint64_t size);

/* kfs_inode.c */
int kfs_load(struct inode *inode);
int kfs_store(struct kfs_file *file, struct handle *handle); /* fields into its place in the inode table */
/* After either of them kfs_store cannot fail: within the operation; until the buffer is put. */
int kfs_prepare(struct inode *inode, struct handle *handle);
struct buffer *kfs_hold(struct inode *inode);
void kfs_evict(struct inode *inode);
int kfs_setattr(struct inode *inode, const struct attr *attr);
int kfs_shrink(struct kfs_file *file); /* frees what lies behind its end, in as many transactions as it takes */
int kfs_may_grow(
    struct kfs_file *file); /* after kfs_shrink has failed: what lies behind the end must go first. 0, -errno */
int kfs_store_times(struct kfs_file *file);
long kfs_readlink(struct inode *inode, char *to, size_t room);

/* kfs_file.c */
void kfs_mapping_setup(struct kfs_file *file);
int kfs_reserve(struct inode *inode, uint64_t offset, uint64_t bytes);
void kfs_unpromise(struct kfs_file *file, uint64_t from_page); /* map_lock held */
int kfs_zero_tail(struct kfs_file *file);
int kfs_fsync(struct file *file, bool data_only);
extern const struct file_ops kfs_file_ops, kfs_directory_ops;

/* kfs_index.c: where names are in a large directory; the directory's lock held */
#ifndef KFS_INDEX_BLOCKS
#define KFS_INDEX_BLOCKS 4 /* blocks a directory must have to get one */
#endif
uint32_t kfs_name_hash(const struct name *name);
bool kfs_index_start(struct kfs_file *file); /* an empty one; false: no memory */
void kfs_index_drop(struct kfs_file *file);
/* Does nothing if there is no index; kfs_index_add throws it away if there is no memory. */
void kfs_index_add(struct kfs_file *file, const struct name *name, uint32_t block);
void kfs_index_remove(struct kfs_file *file, const struct name *name, uint32_t block);
/* The next block in which a name with this hash stands; *step is 0 at first. */
bool kfs_index_next(const struct kfs_file *file, uint32_t hash, uint32_t *step, uint32_t *block);

/* kfs_dir.c; the directory's lock held */
struct kfs_place {         /* where an entry is */
    struct buffer *buffer; /* referenced */
    unsigned at;           /* bytes from its start */
    uint32_t block;        /* of the directory */
};
int kfs_dir_find(struct inode *directory, const struct name *name, uint32_t *number, struct kfs_place *place);
/* The directories' inodes are prepared. Adding happens or does not; with a place that was prepared the others cannot fail, and put it. */
int kfs_dir_add(struct inode *directory, struct handle *handle, const struct name *name, uint32_t number,
                unsigned mode);
int kfs_dir_prepare(struct inode *directory, struct handle *handle, const struct name *name, struct kfs_place *place);
void kfs_dir_remove(struct inode *directory, struct handle *handle, const struct name *name, struct kfs_place *place);
void kfs_dir_replace(struct inode *directory, struct handle *handle, uint32_t number, unsigned mode,
                     struct kfs_place *place);
void kfs_dir_put(struct inode *directory, struct kfs_place *place); /* unless it is empty */
int kfs_dir_is_empty(struct inode *directory);                      /* 1, 0, -errno */
/* What ".." of a directory says; its parent's lock is enough. -EUCLEAN: it does not start with "." and "..". */
int kfs_dir_parent(struct inode *directory, uint32_t *parent);
static inline bool kfs_name_is_dots(const struct name *name)
{
    return name->text[0] == '.' && (name->bytes == 1 || (name->bytes == 2 && name->text[1] == '.'));
}
int kfs_dir_start(struct inode *directory, struct handle *handle, uint32_t parent);
int kfs_readdir(struct file *file, struct dirent_sink *sink);

extern const struct inode_ops kfs_inode_ops;

#endif
