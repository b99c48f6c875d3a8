/*
 * rbtree.h - balanced search trees whose nodes live inside the objects.
 *
 * A red-black tree keeps every path from the root at most twice as long as any other, so that finding, adding and removing
 * take time logarithmic in the number of objects. The kernel uses them for what is ordered by a number and searched often:
 * areas of an address space (by address), timers (by time). The order is known to the user alone, who walks down
 * to the place himself:
 *
 *      struct rb_node **at = &tree->root, *parent = NULL;
 *      while (*at) { parent = *at; at = key < key_of(parent) ? &parent->left : &parent->right; }
 *      rb_insert(tree, node, parent, at);
 */
#ifndef KEPLER_BASE_RBTREE_H
#define KEPLER_BASE_RBTREE_H

#include "base/types.h"

struct rb_node {
    struct rb_node *parent, *left, *right;
    bool red;
};

struct rb_tree {
    struct rb_node *root;
};

/* Hangs `node` under `parent` at *at, which must be NULL, and rebalances. */
void rb_insert(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent, struct rb_node **at);
void rb_remove(struct rb_tree *tree, struct rb_node *node);

/* In order; NULL at the end. */
struct rb_node *rb_first(const struct rb_tree *tree);
struct rb_node *rb_last(const struct rb_tree *tree);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

#define rb_entry(node, type, member) container_of(node, type, member)

#endif
