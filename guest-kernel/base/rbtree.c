/*
 * rbtree.c - red-black trees. See rbtree.h for their use.
 *
 * The rules: a red node has no red child; every path from the root to an empty place meets the same number of black
 * nodes. Adding hangs in a red node, which may break the first rule; removing a black node breaks the second. Both are
 * mended on the way up, by recolouring, which hands the trouble to the parent, or by at most three rotations, which
 * end it.
 */
#include "base/rbtree.h"

static bool is_red(const struct rb_node *node) { return node && node->red; }

static void replace_child(struct rb_tree *tree, struct rb_node *parent, struct rb_node *old, struct rb_node *child)
{
    if (!parent)
        tree->root = child;
    else if (parent->left == old)
        parent->left = child;
    else
        parent->right = child;
    if (child) child->parent = parent;
}

/* Turns the edge between `node` and its right (left) child: the child becomes the parent. */
static void rotate(struct rb_tree *tree, struct rb_node *node, bool to_left)
{
    struct rb_node *child = to_left ? node->right : node->left;
    struct rb_node *inner = to_left ? child->left : child->right;
    replace_child(tree, node->parent, node, child);
    if (to_left)
        node->right = inner, child->left = node;
    else
        node->left = inner, child->right = node;
    if (inner) inner->parent = node;
    node->parent = child;
}

void rb_insert(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent, struct rb_node **at)
{
    *node = (struct rb_node){.parent = parent, .red = true};
    *at = node;
    while (is_red(node->parent)) {
        struct rb_node *father = node->parent, *grandfather = father->parent;
        bool father_is_left = father == grandfather->left;
        struct rb_node *uncle = father_is_left ? grandfather->right : grandfather->left;
        if (is_red(uncle)) {
            father->red = uncle->red = false;
            grandfather->red = true;
            node = grandfather;
            continue;
        }
        if (node == (father_is_left ? father->right : father->left)) {
            rotate(tree, father, father_is_left);
            node = father;
            father = node->parent;
        }
        father->red = false;
        grandfather->red = true;
        rotate(tree, grandfather, !father_is_left);
    }
    tree->root->red = false;
}

/* The paths through `node` (which may be NULL) below `parent` have one black node too few. */
static void mend_removal(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent)
{
    while (node != tree->root && !is_red(node)) {
        bool is_left = node == parent->left;
        struct rb_node *sibling = is_left ? parent->right : parent->left;
        if (is_red(sibling)) {
            sibling->red = false;
            parent->red = true;
            rotate(tree, parent, is_left);
            sibling = is_left ? parent->right : parent->left;
        }
        struct rb_node *near = is_left ? sibling->left : sibling->right;
        struct rb_node *far = is_left ? sibling->right : sibling->left;
        if (!is_red(near) && !is_red(far)) {
            sibling->red = true;
            node = parent;
            parent = node->parent;
            continue;
        }
        if (!is_red(far)) {
            near->red = false;
            sibling->red = true;
            rotate(tree, sibling, !is_left);
            far = sibling;
            sibling = near;
        }
        sibling->red = parent->red;
        parent->red = false;
        far->red = false;
        rotate(tree, parent, is_left);
        node = tree->root;
    }
    if (node) node->red = false;
}

void rb_remove(struct rb_tree *tree, struct rb_node *node)
{
    struct rb_node *child, *parent;
    bool black_lost;
    if (node->left && node->right) {
        /* The next node in order has no left child; it takes the place and the colour of `node`. */
        struct rb_node *next = node->right;
        while (next->left) next = next->left;
        child = next->right;
        black_lost = !next->red;
        parent = next->parent == node ? next : next->parent;
        if (next->parent != node) {
            replace_child(tree, next->parent, next, child);
            next->right = node->right;
            next->right->parent = next;
        }
        replace_child(tree, node->parent, node, next);
        next->left = node->left;
        next->left->parent = next;
        next->red = node->red;
    } else {
        child = node->left ? node->left : node->right;
        parent = node->parent;
        black_lost = !node->red;
        replace_child(tree, parent, node, child);
    }
    if (black_lost) mend_removal(tree, child, parent);
    *node = (struct rb_node){0};
}

struct rb_node *rb_first(const struct rb_tree *tree)
{
    struct rb_node *node = tree->root;
    while (node && node->left) node = node->left;
    return node;
}

struct rb_node *rb_last(const struct rb_tree *tree)
{
    struct rb_node *node = tree->root;
    while (node && node->right) node = node->right;
    return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
    if (node->right) {
        node = node->right;
        while (node->left) node = node->left;
        return (struct rb_node *)node;
    }
    while (node->parent && node == node->parent->right) node = node->parent;
    return node->parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
    if (node->left) {
        node = node->left;
        while (node->right) node = node->right;
        return (struct rb_node *)node;
    }
    while (node->parent && node == node->parent->left) node = node->parent;
    return node->parent;
}
