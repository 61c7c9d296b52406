/* core/tree/pages.h - the memory of the znodes: slots in pages that a frozen view can keep.
 * (pure; inside of tree/)
 *
 * A slot is 96 bytes; a page holds PDK_PAGE_SLOTS of them; a leaf is a table of pages, the
 * directory a table of leaves.  Leaf entries carry what belongs to a page but must not lie in it,
 * so that a page is an exact size class of the allocators: the epoch in which this copy of the page
 * was made, and one bit per slot that says that its blob is younger than the page.
 *
 * Epochs: the store counts one up whenever it is frozen, and a freeze owns the number before.  A
 * page (or leaf) whose epoch is not above that of the youngest live freeze may be seen by it, so it
 * is copied before the first change.  What gets out of use while seen goes on the list of the
 * youngest freeze and is freed when neither that one nor an older one lives.  A blob whose bit is
 * set was made after the youngest freeze and is freed at once, so that writing one znode many times
 * under a live view does not pile up blobs.
 *
 * A freeze may be read by any thread (pdk_frozen_slot) while the core thread changes the store:
 * nothing that it reaches is written again. */
#ifndef PDK_CORE_TREE_PAGES_H
#define PDK_CORE_TREE_PAGES_H

#include "base/base.h"
#include "base/mem.h"

/* Lengths, last name, data: immutable once it is in a slot. */
struct pdk_blob {
    uint32_t data_len; /* PDK_BLOB_NULL: no data, which is not the same as empty data */
    uint32_t name_len;
    uint8_t bytes[]; /* name, then data */
};
#define PDK_BLOB_NULL UINT32_MAX

/* What a lookup reads comes first: with pages aligned to 32 bytes the first 32 bytes of a slot
 * never straddle a cache line. */
struct pdk_slot {
    struct pdk_blob *blob; /* NULL: not in use */
    uint32_t parent;       /* in a free slot: the next free one */
    uint32_t first_child;
    uint32_t next, prev; /* siblings, 0 at the ends */
    uint32_t child_count;
    uint32_t acl;
    uint32_t digest;
    int32_t version, cversion, aversion; /* cversion: as stored, creations of children only */
    int64_t czxid, mzxid, pzxid;
    int64_t ctime, mtime; /* ms */
    int64_t owner;        /* the owner word as on disk */
};
_Static_assert(sizeof(struct pdk_slot) == 96, "a million znodes count every byte of this");

/* 8 to 32; chosen by measurement, see README.md. */
#ifndef PDK_PAGE_BITS
#define PDK_PAGE_BITS 4u
#endif
#define PDK_PAGE_SLOTS (1u << PDK_PAGE_BITS)
#define PDK_PAGE_BYTES (PDK_PAGE_SLOTS * sizeof(struct pdk_slot))
#define PDK_LEAF_BITS 8u
#define PDK_LEAF_PAGES (1u << PDK_LEAF_BITS)

struct pdk_leaf {
    struct pdk_leaf_entry {
        struct pdk_slot *page;
        uint32_t epoch;
        uint32_t young; /* bit per slot: the blob is not older than this copy of the page */
    } entries[PDK_LEAF_PAGES];
};

struct pdk_leaf_ref {
    struct pdk_leaf *leaf;
    uint32_t epoch;
};

/* Things to be freed later: chunks of pointers. */
struct pdk_retired_chunk;
struct pdk_retired {
    struct pdk_retired_chunk *first, *last;
};

struct pdk_freeze {
    struct pdk_freeze *older, *younger;
    uint32_t epoch;
    size_t leaf_count;
    struct pdk_leaf_ref *directory; /* a copy */
    struct pdk_retired retired;
};

struct pdk_pages {
    const struct pdk_mem *mem;
    struct pdk_leaf_ref *directory;
    size_t leaf_count, leaf_cap;
    uint32_t page_count;
    uint32_t frozen_epoch; /* of the youngest live freeze; 0: none */
    uint32_t epoch;        /* of now, above every freeze's */
    uint32_t next_id;      /* never given out yet; 0 is never an id */
    uint32_t free_id;      /* chain of free slots */
    uint64_t live;         /* slots in use */
    uint64_t retired;      /* blobs, pages and leaves on any list */
    struct pdk_freeze *youngest;
    struct pdk_retired garbage; /* nobody sees these any more */
    struct pdk_pooled_page {
        struct pdk_pooled_page *next;
    } * pool; /* free pages */
    uint32_t pooled;
};

/* False: no memory; pdk_pages_deinit is due all the same.  After true, the first slots can be taken
 * without allocating. */
PDK_WARN_UNUSED bool pdk_pages_init(struct pdk_pages *p, const struct pdk_mem *mem);
/* No freeze may be left.  Frees every blob. */
void pdk_pages_deinit(struct pdk_pages *p);

/* A free slot, zeroed, and its id in *id; it counts as live, and must get a blob at once.  Stops
 * the process without memory. */
struct pdk_slot *pdk_pages_take(struct pdk_pages *p, uint32_t *id);
/* The slot is free again, its blob dropped. */
void pdk_pages_give(struct pdk_pages *p, uint32_t id);
/* Puts a blob into the slot (owned by it from now on) and drops the old one. */
void pdk_pages_set_blob(struct pdk_pages *p, uint32_t id, struct pdk_blob *blob);
/* NULL: no memory.  Lengths are at most INT32_MAX. */
PDK_WARN_UNUSED struct pdk_blob *pdk_blob_try(const struct pdk_mem *mem, struct pdk_slice name,
                                              struct pdk_slice data);

static inline struct pdk_leaf_entry *pdk_pages_entry(const struct pdk_pages *p, uint32_t id)
{
    return &p->directory[id >> (PDK_PAGE_BITS + PDK_LEAF_BITS)]
                .leaf->entries[id >> PDK_PAGE_BITS & (PDK_LEAF_PAGES - 1)];
}

/* `id` was given out by take.  Good until the next change of its page. */
static inline const struct pdk_slot *pdk_pages_slot(const struct pdk_pages *p, uint32_t id)
{
    return &pdk_pages_entry(p, id)->page[id & (PDK_PAGE_SLOTS - 1)];
}

/* Copies the page of `id` (and its leaf when need be). */
void pdk_pages_unshare(struct pdk_pages *p, uint32_t id);

/* The slot, to be changed now. */
static inline struct pdk_slot *pdk_pages_edit(struct pdk_pages *p, uint32_t id)
{
    struct pdk_leaf_entry *e = pdk_pages_entry(p, id);
    if (PDK_UNLIKELY(e->epoch <= p->frozen_epoch)) {
        pdk_pages_unshare(p, id);
        e = pdk_pages_entry(p, id);
    }
    return &e->page[id & (PDK_PAGE_SLOTS - 1)];
}

/* False: no memory, nothing has changed. */
PDK_WARN_UNUSED bool pdk_pages_freeze(struct pdk_pages *p, struct pdk_freeze *f);
void pdk_pages_thaw(struct pdk_pages *p, struct pdk_freeze *f);
static inline const struct pdk_slot *pdk_frozen_slot(const struct pdk_freeze *f, uint32_t id)
{
    return &f->directory[id >> (PDK_PAGE_BITS + PDK_LEAF_BITS)]
                .leaf->entries[id >> PDK_PAGE_BITS & (PDK_LEAF_PAGES - 1)]
                .page[id & (PDK_PAGE_SLOTS - 1)];
}

/* Frees a bounded number of things; true while more are left. */
bool pdk_pages_tidy(struct pdk_pages *p);
void pdk_pages_validate(const struct pdk_pages *p);

#endif
