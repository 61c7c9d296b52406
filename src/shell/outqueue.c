#include "shell/outqueue.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define BLOCK_BYTES ((size_t)16 << 10)
#define BLOCKS_AT_ONCE 16

struct pdk_outblock {
    struct pdk_outblock *next;
    size_t from, to, cap; /* bytes[from..to) wait */
    uint8_t bytes[];
};

struct pdk_outblock *pdk_outblock_create(const struct pdk_mem *mem, size_t cap)
{
    struct pdk_outblock *block = pdk_mem_try(mem, sizeof *block + cap);
    if (block != NULL) *block = (struct pdk_outblock){.cap = cap};
    return block;
}

void pdk_outblock_destroy(struct pdk_outblock *block, const struct pdk_mem *mem)
{
    pdk_mem_free(mem, block);
}

size_t pdk_outblock_add(struct pdk_outblock *block, struct pdk_slice bytes)
{
    size_t n = pdk_min_size(block->cap - block->to, bytes.len);
    if (n > 0) memcpy(block->bytes + block->to, bytes.bytes, n);
    block->to += n;
    return n;
}

size_t pdk_outblock_len(const struct pdk_outblock *block) { return block->to - block->from; }

void pdk_outqueue_take(struct pdk_outqueue *q, struct pdk_outblock *block)
{
    PDK_ASSERT(block->next == NULL && block->from < block->to);
    q->bytes += block->to - block->from;
    if (q->last != NULL)
        q->last->next = block;
    else
        q->first = block;
    q->last = block;
}

enum pdk_err pdk_outqueue_add(struct pdk_outqueue *q, const struct pdk_mem *mem,
                              struct pdk_slice bytes)
{
    size_t room = q->last != NULL ? q->last->cap - q->last->to : 0;
    size_t here = pdk_min_size(room, bytes.len);
    size_t rest = bytes.len - here;
    struct pdk_outblock *block = NULL;
    if (rest > 0) {
        block = pdk_outblock_create(mem, pdk_max_size(rest, BLOCK_BYTES - sizeof *block));
        if (block == NULL) return PDK_ENOMEM;
        (void)pdk_outblock_add(block, pdk_slice_of(bytes.bytes + here, rest));
    }
    if (here > 0) {
        memcpy(q->last->bytes + q->last->to, bytes.bytes, here);
        q->last->to += here;
    }
    q->bytes += here;
    if (block != NULL) pdk_outqueue_take(q, block);
    return PDK_OK;
}

static void drop_first(struct pdk_outqueue *q, const struct pdk_mem *mem)
{
    struct pdk_outblock *block = q->first;
    q->first = block->next;
    if (q->first == NULL) q->last = NULL;
    pdk_mem_free(mem, block);
}

/* `n` bytes from the front are gone. */
static void consume(struct pdk_outqueue *q, const struct pdk_mem *mem, size_t n)
{
    q->bytes -= n;
    while (n > 0) {
        struct pdk_outblock *block = q->first;
        size_t here = pdk_min_size(n, block->to - block->from);
        block->from += here;
        n -= here;
        if (block->from == block->to) drop_first(q, mem);
    }
}

enum pdk_err pdk_outqueue_send(struct pdk_outqueue *q, const struct pdk_mem *mem, int fd)
{
    while (q->bytes > 0) {
        struct iovec iov[BLOCKS_AT_ONCE];
        size_t count = 0, total = 0;
        for (struct pdk_outblock *b = q->first; b != NULL && count < BLOCKS_AT_ONCE; b = b->next) {
            iov[count++] =
                (struct iovec){.iov_base = b->bytes + b->from, .iov_len = b->to - b->from};
            total += b->to - b->from;
        }
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN ? PDK_EBUSY : PDK_EIO;
        }
        consume(q, mem, (size_t)n);
        if ((size_t)n < total) return PDK_EBUSY;
    }
    return PDK_OK;
}

void pdk_outqueue_clear(struct pdk_outqueue *q, const struct pdk_mem *mem)
{
    while (q->first != NULL) drop_first(q, mem);
    q->bytes = 0;
}

void pdk_outqueue_move(struct pdk_outqueue *q, struct pdk_outqueue *from)
{
    if (from->first == NULL) return;
    if (q->last != NULL)
        q->last->next = from->first;
    else
        q->first = from->first;
    q->last = from->last;
    q->bytes += from->bytes;
    *from = (struct pdk_outqueue){0};
}
