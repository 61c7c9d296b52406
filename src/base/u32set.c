#include "base/u32set.h"

#include <string.h>

/* What the word of a set holds, unless it is 0.  Blocks of the allocator are aligned to 4 at least,
 * so the low two bits of a pointer are free. */
enum form {
    FORM_PAIR, /* bit 0: 1; bits 1..31: a value; bits 32..63: a larger one plus 1, or 0 */
    FORM_LIST, /* bits 0 and 1: 0; the pointer of a struct list */
    FORM_BIG,  /* bit 0: 0, bit 1: 1; the pointer of a struct big */
};
#define PAIR_BIT 1u
#define BIG_BIT 2u

#define LIST_CAP_MIN 4
#define LIST_MAX 64
/* A big set becomes a list again at half of what made it big. */
#define BIG_MIN (LIST_MAX / 2)

struct list {
    uint32_t count, cap;
    uint32_t values[];
};

#define CHUNK_VALUES 65536
#define CHUNK_WORDS (CHUNK_VALUES / 64)
/* With more than this many a bitmap is smaller than an array of halves. */
#define HALVES_MAX 4096

/* The values whose upper half is `key`; never empty. */
struct chunk {
    uint16_t key;
    uint16_t cap; /* of halves; 0: a bitmap */
    uint32_t count;
    union {
        void *block;
        uint16_t *halves;
        uint64_t *bits;
    };
};

struct big {
    uint32_t count; /* of values */
    uint32_t chunk_count, chunk_cap;
    struct chunk chunks[]; /* by key */
};

static enum form form_of(const struct pdk_u32set *s)
{
    if ((s->word & PAIR_BIT) != 0) return FORM_PAIR;
    return (s->word & BIG_BIT) != 0 ? FORM_BIG : FORM_LIST;
}

static struct list *list_of(const struct pdk_u32set *s) { return (void *)(uintptr_t)s->word; }

static struct big *big_of(const struct pdk_u32set *s)
{
    return (void *)(uintptr_t)(s->word - BIG_BIT);
}

static void set_list(struct pdk_u32set *s, struct list *list)
{
    s->word = (uint64_t)(uintptr_t)list;
    PDK_ASSERT((s->word & (PAIR_BIT | BIG_BIT)) == 0);
}

static void set_big(struct pdk_u32set *s, struct big *big)
{
    s->word = (uint64_t)(uintptr_t)big;
    PDK_ASSERT((s->word & (PAIR_BIT | BIG_BIT)) == 0);
    s->word |= BIG_BIT;
}

static uint32_t pair_first(const struct pdk_u32set *s) { return (uint32_t)s->word >> 1; }
static bool pair_has_second(const struct pdk_u32set *s) { return s->word >> 32 != 0; }
static uint32_t pair_second(const struct pdk_u32set *s) { return (uint32_t)(s->word >> 32) - 1; }
static uint64_t one_value(uint32_t value) { return (uint64_t)value << 1 | PAIR_BIT; }
static uint64_t two_values(uint32_t low, uint32_t high)
{
    return one_value(low) | (uint64_t)(high + 1) << 32;
}

static uint16_t upper(uint32_t value) { return (uint16_t)(value >> 16); }
static uint16_t lower(uint32_t value) { return (uint16_t)value; }

/* ---- searching: index of the first that is not below ----------------------------------------- */

static uint32_t list_index(const struct list *list, uint32_t value)
{
    uint32_t low = 0, high = list->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (list->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t half_index(const struct chunk *c, uint16_t half)
{
    uint32_t low = 0, high = c->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (c->halves[middle] < half)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t chunk_index(const struct big *big, uint16_t key)
{
    uint32_t low = 0, high = big->chunk_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (big->chunks[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t bit_of(uint16_t half) { return UINT64_C(1) << half % 64; }

static bool chunk_has(const struct chunk *c, uint16_t half)
{
    if (c->cap == 0) return (c->bits[half / 64] & bit_of(half)) != 0;
    uint32_t i = half_index(c, half);
    return i < c->count && c->halves[i] == half;
}

static bool chunk_at_least(const struct chunk *c, uint16_t from, uint16_t *half)
{
    if (c->cap > 0) {
        uint32_t i = half_index(c, from);
        if (i < c->count) *half = c->halves[i];
        return i < c->count;
    }
    uint64_t word = c->bits[from / 64] & ~(bit_of(from) - 1);
    for (uint32_t i = from / 64;; word = c->bits[i]) {
        if (word != 0) {
            *half = (uint16_t)(i * 64 + PDK_LOWEST_BIT(word));
            return true;
        }
        if (++i == CHUNK_WORDS) return false;
    }
}

static bool big_at_least(const struct big *big, uint32_t from, uint32_t *value)
{
    uint32_t i = chunk_index(big, upper(from));
    uint16_t half = 0;
    if (i == big->chunk_count) return false;
    bool here = big->chunks[i].key == upper(from);
    if (!chunk_at_least(&big->chunks[i], here ? lower(from) : 0, &half)) {
        if (++i == big->chunk_count) return false;
        (void)chunk_at_least(&big->chunks[i], 0, &half); /* chunks are not empty */
    }
    *value = (uint32_t)big->chunks[i].key << 16 | half;
    return true;
}

bool pdk_u32set_at_least(const struct pdk_u32set *s, uint32_t from, uint32_t *value)
{
    if (s->word == 0) return false;
    switch (form_of(s)) {
    case FORM_PAIR:
        if (pair_first(s) >= from) {
            *value = pair_first(s);
            return true;
        }
        if (!pair_has_second(s) || pair_second(s) < from) return false;
        *value = pair_second(s);
        return true;
    case FORM_LIST: {
        const struct list *list = list_of(s);
        uint32_t i = list_index(list, from);
        if (i < list->count) *value = list->values[i];
        return i < list->count;
    }
    case FORM_BIG: return big_at_least(big_of(s), from, value);
    }
    PDK_UNREACHABLE();
}

bool pdk_u32set_has(const struct pdk_u32set *s, uint32_t value)
{
    if (s->word != 0 && form_of(s) == FORM_BIG) {
        const struct big *big = big_of(s);
        uint32_t i = chunk_index(big, upper(value));
        return i < big->chunk_count && big->chunks[i].key == upper(value) &&
               chunk_has(&big->chunks[i], lower(value));
    }
    uint32_t found = 0;
    return pdk_u32set_at_least(s, value, &found) && found == value;
}

size_t pdk_u32set_count(const struct pdk_u32set *s)
{
    if (s->word == 0) return 0;
    switch (form_of(s)) {
    case FORM_PAIR: return pair_has_second(s) ? 2 : 1;
    case FORM_LIST: return list_of(s)->count;
    case FORM_BIG: return big_of(s)->count;
    }
    PDK_UNREACHABLE();
}

/* ---- clearing -------------------------------------------------------------------------------- */

static void free_big(struct big *big, const struct pdk_mem *mem)
{
    for (uint32_t i = 0; i < big->chunk_count; i++) pdk_mem_free(mem, big->chunks[i].block);
    pdk_mem_free(mem, big);
}

void pdk_u32set_clear(struct pdk_u32set *s, const struct pdk_mem *mem)
{
    if (s->word != 0 && form_of(s) == FORM_LIST) pdk_mem_free(mem, list_of(s));
    if (s->word != 0 && form_of(s) == FORM_BIG) free_big(big_of(s), mem);
    s->word = 0;
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Halves become a bitmap when the array is full, and halves again when three quarters have gone. */
static bool chunk_to_bits(struct chunk *c, const struct pdk_mem *mem)
{
    uint64_t *bits = pdk_mem_try_zero(mem, CHUNK_WORDS, sizeof *bits);
    if (bits == NULL) return false;
    for (uint32_t i = 0; i < c->count; i++) bits[c->halves[i] / 64] |= bit_of(c->halves[i]);
    pdk_mem_free(mem, c->halves);
    c->bits = bits;
    c->cap = 0;
    return true;
}

/* Room for one more. */
static bool chunk_reserve(struct chunk *c, const struct pdk_mem *mem)
{
    if (c->cap == 0 || c->count < c->cap) return true;
    if (c->cap == HALVES_MAX) return chunk_to_bits(c, mem);
    uint16_t cap = (uint16_t)(c->cap * 2);
    uint16_t *halves = pdk_mem_resize(mem, c->halves, cap * sizeof *halves);
    if (halves == NULL) return false;
    c->halves = halves;
    c->cap = cap;
    return true;
}

static void chunk_add(struct chunk *c, uint16_t half)
{
    if (c->cap == 0) {
        c->bits[half / 64] |= bit_of(half);
    } else {
        uint32_t i = half_index(c, half);
        memmove(&c->halves[i + 1], &c->halves[i], (c->count - i) * sizeof *c->halves);
        c->halves[i] = half;
    }
    c->count++;
}

static size_t big_bytes(uint32_t chunk_cap)
{
    return sizeof(struct big) + chunk_cap * sizeof(struct chunk);
}

/* An empty chunk of `key` before chunk `i`; false: no memory. */
static bool insert_chunk(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t i, uint16_t key)
{
    struct big *big = big_of(s);
    if (big->chunk_count == big->chunk_cap) {
        uint32_t cap = big->chunk_cap * 2;
        big = pdk_mem_resize(mem, big, big_bytes(cap));
        if (big == NULL) return false;
        big->chunk_cap = cap;
        set_big(s, big);
    }
    uint16_t *halves = pdk_mem_try(mem, LIST_CAP_MIN * sizeof *halves);
    if (halves == NULL) return false;
    memmove(&big->chunks[i + 1], &big->chunks[i], (big->chunk_count - i) * sizeof *big->chunks);
    big->chunks[i] = (struct chunk){.key = key, .cap = LIST_CAP_MIN, .halves = halves};
    big->chunk_count++;
    return true;
}

static enum pdk_err big_add(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value)
{
    uint32_t i = chunk_index(big_of(s), upper(value));
    bool known = i < big_of(s)->chunk_count && big_of(s)->chunks[i].key == upper(value);
    if (known && chunk_has(&big_of(s)->chunks[i], lower(value))) return PDK_OK;
    bool room =
        known ? chunk_reserve(&big_of(s)->chunks[i], mem) : insert_chunk(s, mem, i, upper(value));
    if (!room) return PDK_ENOMEM;
    chunk_add(&big_of(s)->chunks[i], lower(value));
    big_of(s)->count++;
    return PDK_OK;
}

static enum pdk_err list_to_big(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value)
{
    const struct list *list = list_of(s);
    struct big *big = pdk_mem_try(mem, big_bytes(1));
    if (big == NULL) return PDK_ENOMEM;
    *big = (struct big){.chunk_cap = 1};
    struct pdk_u32set grown;
    set_big(&grown, big);
    enum pdk_err err = big_add(&grown, mem, value);
    for (uint32_t i = 0; i < list->count && err == PDK_OK; i++)
        err = big_add(&grown, mem, list->values[i]);
    pdk_u32set_clear(err == PDK_OK ? s : &grown, mem);
    if (err == PDK_OK) *s = grown;
    return err;
}

static enum pdk_err list_add(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value)
{
    struct list *list = list_of(s);
    uint32_t i = list_index(list, value);
    if (i < list->count && list->values[i] == value) return PDK_OK;
    if (list->count == LIST_MAX) return list_to_big(s, mem, value);
    if (list->count == list->cap) {
        list = pdk_mem_resize(mem, list, sizeof *list + 2 * list->cap * sizeof *list->values);
        if (list == NULL) return PDK_ENOMEM;
        list->cap *= 2;
        set_list(s, list);
    }
    memmove(&list->values[i + 1], &list->values[i], (list->count - i) * sizeof *list->values);
    list->values[i] = value;
    list->count++;
    return PDK_OK;
}

static enum pdk_err pair_add(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value)
{
    uint32_t first = pair_first(s);
    if (value == first) return PDK_OK;
    if (!pair_has_second(s)) {
        s->word = value < first ? two_values(value, first) : two_values(first, value);
        return PDK_OK;
    }
    uint32_t second = pair_second(s);
    if (value == second) return PDK_OK;
    struct list *list = pdk_mem_try(mem, sizeof *list + LIST_CAP_MIN * sizeof *list->values);
    if (list == NULL) return PDK_ENOMEM;
    *list = (struct list){.count = 2, .cap = LIST_CAP_MIN};
    list->values[0] = first;
    list->values[1] = second;
    set_list(s, list);
    return list_add(s, mem, value);
}

enum pdk_err pdk_u32set_add(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value)
{
    PDK_ASSERT(value <= PDK_U32SET_MAX);
    if (s->word == 0) {
        s->word = one_value(value);
        return PDK_OK;
    }
    switch (form_of(s)) {
    case FORM_PAIR: return pair_add(s, mem, value);
    case FORM_LIST: return list_add(s, mem, value);
    case FORM_BIG: return big_add(s, mem, value);
    }
    PDK_UNREACHABLE();
}

/* ---- removing: gives memory back where it can; a refusal only leaves the larger form --------- */

static bool pair_remove(struct pdk_u32set *s, uint32_t value)
{
    if (pair_has_second(s) && pair_second(s) == value)
        s->word = one_value(pair_first(s));
    else if (pair_first(s) == value)
        s->word = pair_has_second(s) ? one_value(pair_second(s)) : 0;
    else
        return false;
    return true;
}

static bool list_remove(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value)
{
    struct list *list = list_of(s);
    uint32_t i = list_index(list, value);
    if (i == list->count || list->values[i] != value) return false;
    list->count--;
    memmove(&list->values[i], &list->values[i + 1], (list->count - i) * sizeof *list->values);
    if (list->count == 2) {
        s->word = two_values(list->values[0], list->values[1]);
        pdk_mem_free(mem, list);
    }
    return true;
}

static void chunk_to_halves(struct chunk *c, const struct pdk_mem *mem)
{
    uint16_t *halves = pdk_mem_try(mem, HALVES_MAX / 2 * sizeof *halves);
    if (halves == NULL) return;
    uint32_t count = 0;
    for (uint32_t half = 0; half < CHUNK_VALUES; half++) {
        if (chunk_has(c, (uint16_t)half)) halves[count++] = (uint16_t)half;
    }
    pdk_mem_free(mem, c->bits);
    c->halves = halves;
    c->cap = HALVES_MAX / 2;
}

static void big_to_list(struct pdk_u32set *s, const struct pdk_mem *mem)
{
    struct list *list = pdk_mem_try(mem, sizeof *list + LIST_MAX * sizeof *list->values);
    if (list == NULL) return;
    *list = (struct list){.cap = LIST_MAX};
    for (uint32_t v = 0; pdk_u32set_at_least(s, v, &v); v++) list->values[list->count++] = v;
    pdk_u32set_clear(s, mem);
    set_list(s, list);
}

static bool big_remove(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value)
{
    struct big *big = big_of(s);
    uint32_t i = chunk_index(big, upper(value));
    if (i == big->chunk_count || big->chunks[i].key != upper(value)) return false;
    struct chunk *c = &big->chunks[i];
    if (!chunk_has(c, lower(value))) return false;
    if (c->cap == 0) {
        c->bits[lower(value) / 64] &= ~bit_of(lower(value));
    } else {
        uint32_t at = half_index(c, lower(value));
        memmove(&c->halves[at], &c->halves[at + 1], (c->count - at - 1) * sizeof *c->halves);
    }
    c->count--;
    big->count--;
    if (c->count == 0) {
        pdk_mem_free(mem, c->block);
        big->chunk_count--;
        memmove(c, c + 1, (big->chunk_count - i) * sizeof *c);
    } else if (c->cap == 0 && c->count == HALVES_MAX / 4) {
        chunk_to_halves(c, mem);
    }
    if (big->count == 0)
        pdk_u32set_clear(s, mem);
    else if (big->count <= BIG_MIN)
        big_to_list(s, mem);
    return true;
}

bool pdk_u32set_remove(struct pdk_u32set *s, const struct pdk_mem *mem, uint32_t value)
{
    if (s->word == 0) return false;
    switch (form_of(s)) {
    case FORM_PAIR: return pair_remove(s, value);
    case FORM_LIST: return list_remove(s, mem, value);
    case FORM_BIG: return big_remove(s, mem, value);
    }
    PDK_UNREACHABLE();
}

/* ---- validation ------------------------------------------------------------------------------ */

static void validate_chunk(const struct chunk *c)
{
    PDK_ASSERT(c->count > 0);
    if (c->cap > 0) {
        PDK_ASSERT(c->count <= c->cap);
        PDK_ASSERT(c->cap <= HALVES_MAX);
        for (uint32_t i = 1; i < c->count; i++) PDK_ASSERT(c->halves[i - 1] < c->halves[i]);
        return;
    }
    uint32_t count = 0;
    for (uint32_t half = 0; half < CHUNK_VALUES; half++)
        count += chunk_has(c, (uint16_t)half) ? 1 : 0;
    PDK_ASSERT(count == c->count);
}

void pdk_u32set_validate(const struct pdk_u32set *s)
{
    if (s->word == 0) return;
    if (form_of(s) == FORM_PAIR) {
        PDK_ASSERT(!pair_has_second(s) || pair_first(s) < pair_second(s));
    } else if (form_of(s) == FORM_LIST) {
        const struct list *list = list_of(s);
        PDK_ASSERT(list->count > 2);
        PDK_ASSERT(list->count <= list->cap);
        PDK_ASSERT(list->cap <= LIST_MAX);
        for (uint32_t i = 1; i < list->count; i++)
            PDK_ASSERT(list->values[i - 1] < list->values[i]);
    } else {
        const struct big *big = big_of(s);
        uint32_t count = 0;
        PDK_ASSERT(big->chunk_count <= big->chunk_cap);
        for (uint32_t i = 0; i < big->chunk_count; i++) {
            PDK_ASSERT(i == 0 || big->chunks[i - 1].key < big->chunks[i].key);
            validate_chunk(&big->chunks[i]);
            count += big->chunks[i].count;
        }
        PDK_ASSERT(count == big->count);
        PDK_ASSERT(count > 0);
    }
}
